// The generated TypeScript client against the running service; compiled by tsc --strict, so the types are tried too.
import { ApiError, client } from "./luna.js";

declare const process: { env: Record<string, string | undefined> };

function check(holds: boolean, what: unknown): void {
  if (!holds) throw new Error(JSON.stringify(what));
}

const path = { account_id: Number(process.env.LUNA_ACCOUNT_ID) };
client.configure({ serverUrl: process.env.LUNA_URL });
client.auth.apiKey("ApiKey", process.env.LUNA_API_KEY ?? "");

const answer = await client.filterSeries({ path, body: { results: [1120, 1160, null, 1210], horizon: 2, include: ["model"] } });
check(answer.processed_results[0] === 1120 && answer.forecast?.mean.length === 2, answer);
check(answer.model?.name === "local_level", answer.model);

const batch = await client.filterBatch({ path, body: { series: [[1, 2, 3], ["x"]] } });
check(batch.succeeded === 1 && batch.failed === 1 && batch.charged === 1, batch);

const usage = await client.readUsage({ path, query: { days: 7 } });
check(usage.quota.used >= 2, usage);

try {
  await client.filterSeries({ path, body: { results: [] } });
  throw new Error("an empty series was accepted");
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  check(error.status === 422, error);
}
console.log("ok");
