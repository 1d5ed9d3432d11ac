// Columns of figures are set flush right, also where the code that made a table handed over text.
(() => {
  const figure = /^(?:[<>~≈±+−-]\s?)?\d[\d,.\s]*(?:e[+-]?\d+)?\s?(?:±\s?[\d.,]+)?\s?(?:%|×|[kMG]|[kMG]?B|ms|s|px)?$/;
  const empty = /^[–—-]?$/;
  window.courseTables = () => {
    for (const table of document.querySelectorAll('.output.html table, .cell_output .text_html table')) {
      if (table.closest('.cnn-explorer') || table.querySelector('[colspan], [rowspan]')) continue;
      const rows = [...table.tBodies].flatMap(body => [...body.rows]);
      for (let column = 0; column < (rows[0]?.cells.length ?? 0); column++) {
        const cells = rows.map(row => row.cells[column]).filter(Boolean);
        const texts = cells.map(cell => cell.textContent.trim());
        if (!texts.every(text => figure.test(text) || empty.test(text)) || !texts.some(text => figure.test(text))) continue;
        if (column === 0 && cells.every(cell => cell.tagName === 'TH')) continue; // names that are numbers
        for (const row of table.rows) row.cells[column]?.style.setProperty('text-align', 'right');
      }
    }
  };
})();
