// As light or dark as Airflow's own pages, which keep their choice here.
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch (refused) { /* as the machine has it, then */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
