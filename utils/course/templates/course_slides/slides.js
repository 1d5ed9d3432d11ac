// The deck's behaviour: reveal.js, formulae, type that fits, keys, the printed handout.
(() => {
  const root = document.documentElement;
  const deck = JSON.parse(document.getElementById('deck').textContent);
  const handout = root.classList.contains('handout');
  const pages = [...document.querySelectorAll('.page')];

  // ---- type that fits: headings in two lines, then a denser setting where a slide is too full
  const lines = heading =>
    Math.round(heading.offsetHeight / parseFloat(getComputedStyle(heading).lineHeight));
  function fitHeading(heading, sizes) {
    for (const size of sizes) {
      heading.style.fontSize = `${size}px`;
      if (lines(heading) <= 2) return;
    }
  }
  const rows = pre => Math.round(pre.offsetHeight / parseFloat(getComputedStyle(pre).lineHeight));
  const breaks = page => [...page.querySelectorAll('pre')].some( // a line of code takes two rows
    pre => rows(pre) > pre.textContent.replace(/\n$/, '').split('\n').length);
  const squeezed = page => [...page.querySelectorAll('.image img')].some(
    img => img.offsetHeight < 0.98 * Math.min(img.naturalHeight, 300) && img.offsetWidth < 0.8 * page.clientWidth);
  function full(page) { // content reaches into the line at the foot, or over an edge
    const blocks = [...page.children].filter(block => !block.matches('.motif, .badge'));
    const foot = page.querySelector(':scope > .badge') ? 108 : 48;
    return Math.min(...blocks.map(block => block.offsetTop)) < 0
      || Math.max(...blocks.map(block => block.offsetTop + block.scrollHeight)) > page.clientHeight - foot
      || page.scrollWidth > page.clientWidth + 1;
  }
  function fit(page) {
    page.classList.remove('compact', 'roomy', 'long-lines');
    page.style.removeProperty('--code');
    const h1 = page.querySelector('h1');
    const h2 = page.querySelector('h2');
    const large = page.matches('.section, .statement');
    if (h1) fitHeading(h1, [64, 58, 52, 46, 40]);
    if (h2) fitHeading(h2, large ? [48, 44, 40, 36, 32, 28] : [38, 35, 32, 30, 28, 26, 24, 23, 22, 21, 20]);
    for (const h3 of page.querySelectorAll('h3')) {
      fitHeading(h3, h2 ? [28, 26, 24] : [36, 33, 30, 27, 25, 24, 23, 22]);
    }
    if (breaks(page)) page.classList.add('long-lines');
    if (full(page) || squeezed(page)) {
      page.classList.add('compact');
      return enlargeCode(page, [23, 22, 21]);
    }
    if (large || h1) return;
    if (!page.querySelector('.image') && !page.matches('.long-lines')) {
      page.classList.add('roomy'); // room to spare: larger type
      if (full(page)) page.classList.remove('roomy');
    }
    enlargeCode(page, [28, 27, 26, 25, 24, 23, 22]);
  }
  function enlargeCode(page, sizes) { // as large as fits without breaking a line
    if (!page.querySelector('.source, .output.text, .prose pre') || page.matches('.long-lines')) return;
    for (const size of sizes) {
      page.style.setProperty('--code', `${size}px`);
      if (!full(page) && !squeezed(page) && !breaks(page)) return;
    }
    page.style.removeProperty('--code');
  }

  async function layOut() {
    root.classList.add('measuring'); // hidden slides have no size: give them one while measuring
    if (window.MathJax?.typesetPromise) {
      await MathJax.startup.promise;
      await MathJax.typesetPromise();
    }
    // loaded, not decoded: decoding takes real time, which a printer's virtual clock does not wait for
    await Promise.all([...document.images].map(img => img.complete || new Promise(done => {
      img.addEventListener('load', done);
      img.addEventListener('error', done);
    })));
    pages.forEach(fit);
    root.classList.remove('measuring');
    root.dataset.ready = 'true';
  }

  if (handout) { // every slide with its notes beneath it, one after the other, for paper
    document.getElementById('reveal-css').disabled = true;
    layOut();
    return;
  }

  // ---- keys inside an explorer belong to the explorer; a clicker's keys always turn the page
  const inExplorer = () => document.activeElement?.closest('.slides .output.html');
  addEventListener('keydown', event => {
    if (!inExplorer()) return;
    if (event.key === 'Escape') document.activeElement.blur();
    else if (event.key === 'PageDown' || event.key === 'PageUp') {
      document.activeElement.blur();
      event.key === 'PageDown' ? Reveal.next() : Reveal.prev();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  Reveal.initialize({
    width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 4, center: false,
    hash: true, respondToHashChanges: false, transition: 'none', backgroundTransition: 'none',
    navigationMode: 'linear', slideNumber: 'c/t', controls: true, controlsTutorial: false,
    progress: true, overview: true, help: true, pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1,
    keyboardCondition: () => !inExplorer(),
    plugins: [RevealNotes]
  });
  // Explorers keep their state in the address too: follow only addresses that name a slide.
  addEventListener('hashchange', () => {
    const slide = document.getElementById(location.hash.replace(/^#\/?/, ''));
    if (!slide?.matches('.slides section')) return;
    const { h, v } = Reveal.getIndices(slide);
    Reveal.slide(h, v);
  });
  Reveal.addKeyBinding({ keyCode: 68, key: 'D', description: 'Dark or light' }, courseTheme.toggle);
  Reveal.addKeyBinding({ keyCode: 73, key: 'I', description: 'Index of the lectures' }, () => { location.href = 'index.html'; });
  Reveal.on('slidechanged', () => {
    document.title = `${deck.label}: ${deck.title} (slide ${Reveal.getSlidePastCount() + 1})`;
    dispatchEvent(new Event('resize')); // an explorer that was hidden may measure itself now
  });
  Reveal.on('ready', () => {
    requestAnimationFrame(() => { root.dataset.drawn = Math.round(performance.now()); }); // the first slide stands
    layOut();
  });
})();
