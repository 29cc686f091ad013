// Only browsers without modules run this, so it is written in their language.
document.addEventListener('DOMContentLoaded', function () {
  document.getElementById('old-browser').removeAttribute('hidden')
})
