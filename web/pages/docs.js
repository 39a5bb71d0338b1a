// Swagger UI for our own description. A file, not an inline script, because the page's CSP forbids inline scripts.
"use strict";

// Swagger UI leaves some controls without a name and some scrolling boxes out of the keyboard's reach.
function nameControls() {
  const name = (selector, label) => {
    for (const control of document.querySelectorAll(`${selector}:not([aria-label])`)) control.setAttribute("aria-label", label(control));
  };
  name("tr[data-param-name] select", (control) => control.closest("tr").dataset.paramName);
  name("select.examples-select-element", () => "Example");
  name("select", () => "Choice");
  name("textarea", () => "Request body");
  for (const box of document.querySelectorAll("pre:not([tabindex])")) box.tabIndex = 0;
}
new MutationObserver(nameControls).observe(document.getElementById("page"), { childList: true, subtree: true });

window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/openapi.json",
    domNode: document.getElementById("page"),
    deepLinking: false, // its links would sit inside buttons, which screen readers cannot reach
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    requestSnippetsEnabled: true,
    persistAuthorization: false, // a key must not outlive the tab
    validatorUrl: null, // the default would send our document to another origin
    plugins: [{ wrapComponents: { ServersContainer: () => () => null } }], // there is one server: this one
    layout: "BaseLayout",
  });
});
