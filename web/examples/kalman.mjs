// Filters four numbers with Node's own fetch. Settings: set -a; . var/demo.env; export
// NODE_EXTRA_CA_CERTS=$LUNA_CA
const { LUNA_URL, LUNA_ACCOUNT_ID, LUNA_API_KEY } = process.env;
const answer = await fetch(`${LUNA_URL}/api/v1/${LUNA_ACCOUNT_ID}/kalman`, {
  method: "POST",
  headers: { "X-API-Key": LUNA_API_KEY, "Content-Type": "application/json" },
  body: JSON.stringify({ results: [1120, 1160, 963, 1210] }),
});
const body = await answer.json();
if (!answer.ok) throw new Error(`${answer.status} ${JSON.stringify(body.detail)} (${answer.headers.get("x-request-id")})`);
console.log(body.processed_results);
