// Before the first paint: the theme that was chosen on this device, so that no page flashes in the other one.
try {
  const theme = localStorage.getItem('galerne.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // A browser that keeps nothing follows the system.
}
