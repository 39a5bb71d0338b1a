// The pages in a real browser: they load, "Try it out" answers 200 with a key typed in, nothing
// leaves the origin, the console is silent, and axe finds nothing serious. Needs LUNA_URL,
// LUNA_ACCOUNT_ID, LUNA_API_KEY (var/demo.env), `scripts/web --tools`, and Debian's chromium.
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(path.join(root, "build/web/package.json"));
const { chromium } = require("playwright-core");
const AXE = require.resolve("axe-core/axe.min.js");
const WAIT_MS = 120000; // as waiting.WAIT_S: only a broken page takes so long

const { LUNA_URL, LUNA_ACCOUNT_ID, LUNA_API_KEY } = process.env;
for (const name of ["LUNA_URL", "LUNA_ACCOUNT_ID", "LUNA_API_KEY"]) {
  if (!process.env[name]) {
    console.error(`${name} is not set: start the stack with scripts/up --detach, then read var/demo.env`);
    process.exit(78);
  }
}
const origin = new URL(LUNA_URL).origin;
const tally = { passed: 0, failed: 0 };

function check(name, holds, detail) {
  tally[holds ? "passed" : "failed"]++;
  console.log(`${holds ? "ok" : "FAILED"}: ${name}${holds ? "" : `: ${detail}`}`);
}

function watch(page) {
  const seen = { foreign: [], console: [], policy: [] };
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith("data:") && !url.startsWith("blob:")) seen.foreign.push(url);
  });
  page.on("console", (message) => {
    if (message.type() === "error") seen.console.push(message.text());
  });
  page.on("pageerror", (error) => seen.console.push(String(error)));
  return seen;
}

async function seriousFindings(page) {
  await page.addScriptTag({ path: AXE }).catch(() => page.evaluate(require("node:fs").readFileSync(AXE, "utf8")));
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
}

async function landing(page) {
  await page.goto(`${origin}/`);
  const links = await page.$$eval("a", (all) => all.map((a) => a.getAttribute("href")));
  for (const target of ["/docs", "/redoc", "/openapi.json"]) check(`/ leads to ${target}`, links.includes(target), links);
  check("/ fits a phone", await page.evaluate(() => document.body.scrollWidth <= innerWidth), "scrolls sideways");
}

const text = (path) => async (page) => {
  await page.goto(`${origin}${path}`);
  check(`${path} fits a phone`, await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "scrolls sideways");
};

async function reference(page) {
  await page.goto(`${origin}/redoc`);
  await page.waitForSelector('h2:has-text("Filter a series")', { timeout: WAIT_MS });
  check("/redoc shows the description", true);
}

async function tryItOut(page) {
  await page.goto(`${origin}/docs`);
  await page.click("button.authorize", { timeout: WAIT_MS });
  await page.fill('.auth-container input[aria-label="auth-api-key-value"], .auth-container input[type=text]', LUNA_API_KEY);
  await page.click('.auth-container button[type=submit]');
  await page.click("button.btn-done");
  const block = page.locator("#operations-kalman-filterSeries");
  await block.locator(".opblock-summary-control").click();
  await block.locator('tr[data-param-name="account_id"] input').fill(LUNA_ACCOUNT_ID);
  const answered = page.waitForResponse((r) => r.request().method() === "POST", { timeout: WAIT_MS });
  await block.locator("button.execute").click();
  const response = await answered;
  check("Try it out: 200", response.status() === 200, `${response.status()} ${await response.text()}`);
  const shown = block.locator(".live-responses-table tbody .response-col_status").first();
  await shown.waitFor({ timeout: WAIT_MS });
  check("Try it out: the page shows 200", (await shown.innerText()).startsWith("200"), await shown.innerText());
  const body = await response.json();
  check("Try it out: first result is the first input", body.processed_results[0] === body.input_data[0], JSON.stringify(body));
}

async function run(browser, name, visit, options) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  const page = await context.newPage();
  const seen = watch(page);
  try {
    await visit(page);
  } catch (error) {
    check(`${name}: visited`, false, error);
  }
  check(`${name}: no request leaves the origin`, seen.foreign.length === 0, seen.foreign);
  check(`${name}: nothing on the console`, seen.console.length === 0, seen.console);
  const serious = await seriousFindings(page).catch((error) => [String(error)]);
  check(`${name}: axe has no serious finding`, serious.length === 0, serious.join("\n  "));
  await context.close();
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"], // root in a container has neither
});
await run(browser, "landing", landing, {});
await run(browser, "landing, dark, phone", landing, { colorScheme: "dark", viewport: { width: 390, height: 800 } });
for (const path of ["/problems", "/problems/validation_error", "/changelog", "/versioning"])
  await run(browser, `${path}, dark, phone`, text(path), { colorScheme: "dark", viewport: { width: 390, height: 800 } });
await run(browser, "redoc", reference, {});
if (!process.argv.includes("--static")) await run(browser, "docs", tryItOut, {});
else await run(browser, "docs", (page) => page.goto(`${origin}/docs`).then(() => page.waitForSelector("button.authorize")), {});
await browser.close();
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed ? 1 : 0);
