export { oas as default } from "@stoplight/spectral-rulesets";
