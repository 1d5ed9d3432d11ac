// MathJax 3, set before it loads. Decks typeset by themselves (slides.js), the list of decks at once.
window.MathJax = {
  tex: {
    inlineMath: [['$', '$'], ['\\(', '\\)']],
    displayMath: [['$$', '$$'], ['\\[', '\\]']],
    processEscapes: true,
    processEnvironments: true,
    tags: 'none'
  },
  options: { enableMenu: false, ignoreHtmlClass: 'source|text' },
  svg: { fontCache: 'local' },
  startup: { typeset: !document.getElementById('deck') }
};
