// Swagger UI on our own description. A file, not an inline script, so that the page's CSP can forbid inline scripts.
"use strict";
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
