// What the theme leaves out for screen readers: names for its side bar and for the arrows in it.
addEventListener('DOMContentLoaded', () => {
  const bar = document.querySelector('.bd-sidebar-primary');
  bar?.setAttribute('role', 'navigation');
  bar?.setAttribute('aria-label', 'Course');
  for (const summary of document.querySelectorAll('.bd-sidebar-primary summary')) {
    const page = summary.closest('li')?.querySelector('a')?.textContent.trim();
    summary.setAttribute('aria-label', `What belongs to ${page ?? 'this page'}`);
  }
});

// The ledger: sort by a column, filter by words, verdict and lecture.
addEventListener('DOMContentLoaded', () => {
  const table = document.getElementById('ledger');
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  // Read once: asking for the text of a row that was just hidden lays the whole table out again.
  const texts = new Map(rows.map(row => [row, [...row.cells].map(cell => cell.textContent.trim())]));
  const text = (row, column) => texts.get(row)[column];
  const number = value => parseFloat(value.replace(/[,\s[]/g, ''));
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => header.querySelector('button').addEventListener('click', () => {
    const descending = header.getAttribute('aria-sort') === 'ascending';
    headers.forEach(other => other.setAttribute('aria-sort', 'none'));
    header.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
    const compare = (a, b) => {
      const [x, y] = [text(a, column), text(b, column)];
      const [m, n] = [number(x), number(y)];
      const order = column > 0 && column < 3 && !isNaN(m) && !isNaN(n) ? m - n
        : x === '' ? 1 : y === '' ? -1 : x.localeCompare(y, 'en', { numeric: true });
      return descending ? -order : order;
    };
    body.append(...rows.sort(compare));
  }));
  const words = document.getElementById('ledger-words');
  const verdict = document.getElementById('ledger-verdict');
  const lecture = document.getElementById('ledger-lecture');
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const all = texts.get(row).join(' ').toLowerCase();
      row.hidden = !(wanted.every(word => all.includes(word))
        && (!verdict.value || text(row, 3) === verdict.value)
        && (!lecture.value || text(row, 5).split(/\s+/).includes(lecture.value)));
      count += !row.hidden;
    }
    document.getElementById('ledger-count').textContent = `${count} number${count === 1 ? '' : 's'}`;
  };
  for (const control of [words, verdict, lecture]) control.addEventListener('input', filter);
  words.form.addEventListener('submit', event => event.preventDefault());
});

// The gallery: an explorer's page opens with the setting it has here.
addEventListener('DOMContentLoaded', () => {
  for (const link of document.querySelectorAll('a[data-setting-of]')) {
    const page = link.getAttribute('href');
    const follow = () => {
      const setting = document.getElementById(link.dataset.settingOf)?.dataset.address;
      link.setAttribute('href', setting ? `${page}#${setting}` : page);
    };
    for (const event of ['pointerdown', 'focus', 'click']) link.addEventListener(event, follow);
  }
});

// Copy buttons for code.
addEventListener('DOMContentLoaded', () => {
  const copy = async text => {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // no permission, or a page from a file
      const area = Object.assign(document.createElement('textarea'), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
  };
  for (const block of document.querySelectorAll('.bd-article div.highlight')) {
    if (block.closest('.cell_output')) continue;
    const pre = block.querySelector('pre');
    if (!pre) continue;
    const text = pre.textContent.replace(/\n$/, '');
    const button = Object.assign(document.createElement('button'), { type: 'button', className: 'copy', textContent: 'Copy' });
    button.setAttribute('aria-label', 'Copy this code');
    button.addEventListener('click', async () => {
      await copy(text);
      button.textContent = 'Copied';
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    });
    block.append(button);
  }
});

// Paper is white, also for those who read in the dark.
(() => {
  const root = document.documentElement;
  let before = null;
  const light = () => { before ??= root.dataset.theme; root.dataset.theme = 'light'; };
  const restore = () => { if (before) root.dataset.theme = before; before = null; };
  addEventListener('beforeprint', light);
  addEventListener('afterprint', restore);
  matchMedia('print').addEventListener('change', event => (event.matches ? light() : restore()));
})();
