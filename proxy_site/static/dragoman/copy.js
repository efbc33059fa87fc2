// Buttons that copy a text: data-copy holds it, or data-copy-of the id of the element that does.
const select = (text) => {
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy"); // the clipboard's own API is there under https and on localhost alone
  area.remove();
  return done;
};
const copy = (text) =>
  navigator.clipboard ? navigator.clipboard.writeText(text).then(() => true, () => select(text)) : Promise.resolve(select(text));
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-of]");
  if (!button || button.dataset.busy) return;
  const of = button.dataset.copyOf;
  const words = button.textContent;
  button.dataset.busy = "yes";
  button.textContent = (await copy(of ? document.getElementById(of).textContent : button.dataset.copy)) ? "Copied" : "Select it";
  setTimeout(() => { button.textContent = words; delete button.dataset.busy; }, 2000);
});
