// Reads JSON lines {"do": "sign"|"verify", secret, id, timestamp, payload (base64), headers} and answers each with a line:
// the signature, or null where verify throws.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  const payload = Buffer.from(ask.payload, "base64").toString("utf8");
  let answer = null;
  if (ask.do === "sign") {
    answer = new Webhook(ask.secret).sign(ask.id, new Date(ask.timestamp * 1000), payload);
  } else {
    try {
      new Webhook(ask.secret).verify(payload, ask.headers);
      answer = true;
    } catch {
      answer = null;
    }
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
