// Light or dark, decided before anything is drawn: ?dark or ?light, else what was chosen last.
(() => {
  const root = document.documentElement;
  const query = new URLSearchParams(location.search);
  const stored = () => { try { return localStorage.getItem('course-theme'); } catch { return null; } };
  const store = theme => { try { localStorage.setItem('course-theme', theme); } catch { /* a page from a file may have no storage */ } };
  root.dataset.theme = query.has('dark') ? 'dark' : query.has('light') ? 'light' : stored() ?? 'light';
  if (query.has('handout')) {
    root.classList.add('handout');
    if (!query.has('dark')) root.dataset.theme = 'light'; // paper is white
  }
  window.courseTheme = {
    toggle() {
      root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
      store(root.dataset.theme);
    }
  };
})();
