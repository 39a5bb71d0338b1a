"use strict";
window.addEventListener("load", () => {
  Redoc.init("/openapi.json", {
    hideDownloadButton: false,
    disableSearch: true, // its worker comes from a blob:, which the page's CSP does not allow
    nativeScrollbars: true,
    expandResponses: "200",
    sortRequiredPropsFirst: true,
  }, document.getElementById("page"));
});
