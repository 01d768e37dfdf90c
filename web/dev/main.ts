/** Serves the built client over made-up mail: npm run dev, then sign in as ada@example.org / cofferdam. */
import { FakeGate } from "./gate";

const gate = new FakeGate(Number(process.env["THREADS"] ?? 6_000));
const url = await gate.listen(Number(process.env["PORT"] ?? 4180));
console.log(`${url}  ada@example.org / cofferdam   (press enter to deliver a mail)`);
process.stdin.on("data", () => gate.jmap.deliver());
