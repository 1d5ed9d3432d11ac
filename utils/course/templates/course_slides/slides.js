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
  const squeezed = page => [...page.querySelectorAll('.image img')].some(
    img => img.offsetHeight < 0.98 * Math.min(img.naturalHeight, 300) && img.offsetWidth < 0.8 * page.clientWidth);
  const blocksOf = page => [...page.children].filter(block => !block.matches('.motif, .badge'));
  const foot = page => page.clientHeight - (page.querySelector(':scope > .badge') ? 108 : 48);
  const bottom = page => Math.max(...blocksOf(page).map(block => block.offsetTop + block.scrollHeight));
  function full(page) { // content reaches into the line at the foot, or over an edge
    return Math.min(...blocksOf(page).map(block => block.offsetTop)) < 0
      || bottom(page) > foot(page) || page.scrollWidth > page.clientWidth + 1;
  }

  // Code never breaks a line unless it is too long for the smallest type; it is set as large as its
  // longest line allows, and so is what it prints.
  const SMALLEST = 18;
  const LARGEST = 34;
  function widest(page, selector, otherwise) { // largest size at which no line of these is broken
    let size = LARGEST;
    for (const pre of page.querySelectorAll(selector)) {
      const room = pre.clientWidth - parseFloat(getComputedStyle(pre).paddingLeft) - parseFloat(getComputedStyle(pre).paddingRight);
      pre.style.whiteSpace = 'pre';
      const range = document.createRange();
      range.selectNodeContents(pre);
      const scale = page.getBoundingClientRect().width / page.offsetWidth; // the deck fits its window
      const width = range.getBoundingClientRect().width / scale;
      pre.style.whiteSpace = '';
      size = Math.min(size, Math.floor(2 * parseFloat(getComputedStyle(pre).fontSize) * room / (width + 1)) / 2);
    }
    return size < SMALLEST ? otherwise : size;
  }
  function fitFormula(page, formula) { // no formula reaches into the margin
    formula.style.fontSize = '';
    const drawing = formula.querySelector('svg') || formula;
    const scale = page.getBoundingClientRect().width / page.offsetWidth;
    const width = drawing.getBoundingClientRect().width / scale;
    const room = formula.parentElement.clientWidth;
    if (width > room) formula.style.fontSize = `${Math.floor(10 * parseFloat(getComputedStyle(formula).fontSize) * room / width) / 10}px`;
  }
  function setCode(page, size, widths) {
    page.style.setProperty('--code', `${Math.min(size, widths.code)}px`);
    page.style.setProperty('--print', `${Math.min(size, widths.code, widths.print)}px`);
  }
  function fit(page) {
    page.classList.remove('compact', 'roomy');
    for (const name of ['--code', '--print', '--lead', '--words', '--table']) page.style.removeProperty(name);
    for (const block of page.querySelectorAll('[data-moved]')) block.style.marginTop = '';
    const h1 = page.querySelector('h1');
    const h2 = page.querySelector('h2');
    const large = page.matches('.section, .statement');
    if (h1) fitHeading(h1, [64, 58, 52, 46, 40]);
    if (h2) fitHeading(h2, large ? [48, 44, 40, 36, 32, 28] : [38, 35, 32, 30, 28, 26, 24, 23, 22, 21, 20]);
    for (const h3 of page.querySelectorAll('h3')) {
      fitHeading(h3, h2 ? [28, 26, 24] : [36, 33, 30, 27, 25, 24, 23, 22]);
    }
    const code = page.querySelector('.source pre, .prose pre');
    const widths = {
      code: widest(page, '.source pre, .prose pre', SMALLEST),
      print: widest(page, '.output.text pre', 20) // what a program prints may go on below
    };
    const some = code || page.querySelector('.output.text pre');
    if (some) setCode(page, 20, widths);
    if (full(page) || squeezed(page)) {
      page.classList.add('compact');
      if (some) enlarge(page, [24, 23, 22, 21, 20, 19, SMALLEST], size => setCode(page, size, widths));
      return;
    }
    if (large || h1) return;
    const drawn = page.querySelector('.image');
    const parted = broken(page);
    if (!drawn) {
      page.classList.add('roomy'); // room to spare: larger type
      if (full(page)) page.classList.remove('roomy');
    }
    if (page.matches('.roomy')) {
      if (!some) enlarge(page, [34, 32], size => page.style.setProperty('--words', `${size}px`), '--words');
      if (page.querySelector('table')) {
        const set = size => page.style.setProperty('--table', `${size}px`);
        const whole = () => broken(page) <= parted && contained(page);
        // a wide table needs the narrower gaps of an ordinary slide
        const sizes = [32, 30, 28, 27, 26, 25, 23].filter(size => !code || size <= 26); // code first
        if (!enlarge(page, sizes, set, '--table', whole)) page.classList.remove('roomy');
      }
    }
    const most = code && !drawn ? LARGEST : 26; // a line printed beside a figure is no headline
    const sizes = [LARGEST, 32, 30, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, SMALLEST].filter(size => size <= most);
    if (some) enlarge(page, sizes, size => setCode(page, size, widths));
    if (!drawn) {
      if (code) enlarge(page, [1.66, 1.58, 1.5], lead => page.style.setProperty('--lead', lead), '--lead');
      balance(page);
    }
  }
  const cells = page => [...page.querySelectorAll('.page th, .page td, .page caption')];
  const broken = page => cells(page) // lines that the cells take beyond their first
    .reduce((sum, cell) => sum + Math.max(0, Math.round(cell.clientHeight / parseFloat(getComputedStyle(cell).lineHeight)) - 1), 0);
  const contained = page => { // no table reaches into the margin
    const edge = page.getBoundingClientRect().right - parseFloat(getComputedStyle(page).paddingRight);
    return [...page.querySelectorAll('table')].every(table => table.getBoundingClientRect().right <= edge + 1);
  };
  function enlarge(page, sizes, set, name, good = () => true) { // the first that fits
    for (const size of sizes) {
      set(size);
      if (!full(page) && !squeezed(page) && good()) return true;
    }
    if (name) page.style.removeProperty(name);
    return false;
  }
  // What stands alone under its heading moves down from it, towards the middle of what is left.
  function balance(page) {
    const free = foot(page) - 12 - bottom(page);
    const blocks = blocksOf(page).flatMap(block => (block.matches('.fragment') ? [...block.children] : [block]));
    if (free < 90 || !blocks.length) return;
    const [first, second] = blocks;
    const headed = first.matches('.prose') && first.firstElementChild?.matches('h2, h3');
    if (!headed && !first.matches('.running')) return;
    const words = headed && first.children.length > 1; // these stay with their heading
    if (!second || second.matches('.prose')) return;
    const shift = Math.min(0.4 * free, words || page.querySelector('.cnn-explorer') ? 50 : 150);
    second.style.marginTop = `${parseFloat(getComputedStyle(second).marginTop) + shift}px`;
    second.dataset.moved = '';
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
    courseTables();
    for (const page of pages) {
      fit(page);
      for (const formula of page.querySelectorAll('mjx-container[display="true"]')) fitFormula(page, formula);
    }
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
