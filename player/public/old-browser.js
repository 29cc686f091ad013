// Only browsers without modules run this.
document.getElementById('old-browser') && document.getElementById('old-browser').removeAttribute('hidden')
document.addEventListener('DOMContentLoaded', function () {
  document.getElementById('old-browser').removeAttribute('hidden')
})
