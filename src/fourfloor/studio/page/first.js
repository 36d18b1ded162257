// Runs before anything is shown: the theme that was chosen.
if (localStorage.theme) document.documentElement.dataset.theme = localStorage.theme;
