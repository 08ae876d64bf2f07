// BullMQ's worker at jobs that cost nothing: `node worker.js PORT JOBS CONCURRENCY`.
//
// Hands the jobs in, then starts the clock and the worker, and stops the clock when the last job has
// completed. Prints one line of JSON.
import { Queue, Worker } from "bullmq";

const [port, jobs, concurrency] = process.argv.slice(2).map(Number);
const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
const name = `predict-${process.pid}`;
const atOnce = 5000;

const queue = new Queue(name, { connection });
for (let handedIn = 0; handedIn < jobs; handedIn += atOnce) {
  const some = Math.min(atOnce, jobs - handedIn);
  await queue.addBulk(
    Array.from({ length: some }, () => ({ name: "predict", data: [[5.1, 3.5, 1.4, 0.2]] })),
  );
}

const worker = new Worker(name, async (job) => job.data.length, { connection, concurrency, autorun: false });
await worker.waitUntilReady();
let completed = 0;
const all = new Promise((resolve, reject) => {
  worker.on("completed", () => {
    completed += 1;
    if (completed === jobs) resolve();
  });
  worker.on("failed", (_, error) => reject(error));
  worker.on("error", reject);
});
const began = process.hrtime.bigint();
worker.run().catch(() => {});
await all;
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
console.log(JSON.stringify({ jobs: completed, seconds }));
await worker.close();
await queue.close();
