// A form that sends a file: a check leaves the page, and with it the file that was chosen, as it is.
const form = document.querySelector("form[data-checked]");
const file = form.querySelector("input[type=file]");
file.addEventListener("change", () => {
  const most = Number(form.dataset.checked);
  const over = file.files[0] && file.files[0].size > most;
  file.setCustomValidity(over ? `The file is larger than ${most.toLocaleString("en")} bytes.` : "");
  document.getElementById("verdict").replaceChildren();
});
form.addEventListener("submit", async (event) => {
  if (event.submitter.value !== "check") return;
  event.preventDefault();
  const sent = new FormData(form, event.submitter);
  event.submitter.disabled = true; // from now on: a button that is disabled is not sent
  const answer = await fetch(form.action, { method: "POST", body: sent }).catch(() => null);
  event.submitter.disabled = false;
  const page = new DOMParser().parseFromString(answer ? await answer.text() : "", "text/html"); // runs no script
  const said = page.getElementById("verdict");
  if (said) document.getElementById("verdict").replaceWith(document.adoptNode(said));
  else document.getElementById("verdict").textContent = "The file could not be checked.";
});
