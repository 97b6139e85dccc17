"use strict";

const token = location.hash.slice(1);
const form = document.getElementById("form");
const told = document.getElementById("told");

// The token is not to stay in the address bar, nor in the history.
history.replaceState(null, "", location.pathname);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch("/v1/auth/setup", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        token,
        username: form.elements.username.value,
        password: form.elements.password.value,
      }),
    });
    const content = await answer.json();
    told.textContent = answer.ok
      ? `${content.name} is the first admin, and can sign in now.`
      : content.detail;
    form.hidden = answer.ok || answer.status === 403;
  } catch {
    told.textContent = "The service did not answer. Please try again.";
  } finally {
    button.disabled = false;
  }
});
