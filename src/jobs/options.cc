#include "jobs/options.h"

#include "config/fields.h"
#include "inference/service_class_options.h"
#include "jobs/webhook.h"

namespace sluice::jobs {

using namespace std::chrono_literals;

void describe(config::Fields<QueueSettings>& f) {
  f.about("queue", "The jobs of one callable.");
  f.field("concurrency", &QueueSettings::concurrency,
          "How many of them this process runs at once, instead of jobs.concurrency.")
      .range(1, 100'000);
  f.field("timeout", &QueueSettings::timeout,
          "How long one attempt may take; 0s: as long as the callable takes.")
      .at_most(24h);
  f.field("class", &QueueSettings::service_class, "As which they stand in line for the callable.");
}

void describe(config::Choices<StoreKind>& c) {
  c.choice("embedded", StoreKind::kEmbedded, "a file in state_dir, for one process")
      .choice("redis", StoreKind::kRedis,
              "the server of stores.redis, for any number of processes");
}

void describe(config::Fields<SeedQueueSettings>& f) {
  f.about("seed_queue",
          "A list and keys in Redis by which other programs hand in and run one callable's jobs; "
          "the same in every process.");
  f.here(&SeedQueueSettings::where);
  f.field("key", &SeedQueueSettings::key, "The list of ids.").check([](const std::string& key) {
    return key.empty() ? "the name of a list, such as queue:predict" : "";
  });
  f.field("callable", &SeedQueueSettings::callable, "Whose jobs of normal priority wait in it.")
      .required();
  f.field("format", &SeedQueueSettings::format,
          "How these programs write a job's input and output.");
  f.field("foreign_timeout", &SeedQueueSettings::foreign_timeout,
          "How long another program keeps a job before it goes back to the head of the list.")
      .range(1s, 24h);
}

void describe(config::Fields<WebhookSettings>& f) {
  f.about("webhooks", "Telling URLs of callers of the ends of their jobs (Standard Webhooks).");
  f.field("secret", &WebhookSettings::secret,
          "whsec_ and the base64 of 24 to 64 random bytes, with which messages are signed; without "
          "it there are no webhooks.")
      .check([](const config::Secret& secret) -> std::string {
        const auto key = webhook_key(secret.reveal());
        return key ? "" : key.error().message.substr(std::string_view("expected ").size());
      });
  f.field("allow_private", &WebhookSettings::allow_private,
          "Whether they may lead to addresses that are not of the public internet: loopback, "
          "private networks, a link's own.");
  f.field("concurrency", &WebhookSettings::concurrency, "How many are told at once.")
      .range(1, 1000);
  f.field("timeout", &WebhookSettings::timeout, "How long one attempt may take.")
      .range(100ms, 5min);
  f.bytes("max_body_bytes", &WebhookSettings::max_body_bytes,
          "The longest message; where a job's result makes it longer, the result is left out.")
      .range(8192, std::size_t{1} << 26);
}

void describe(config::Fields<JobsOptions>& f) {
  f.about("jobs", "Calls that outlive their request.");
  f.here(&JobsOptions::where);
  f.field("store", &JobsOptions::store, "Where they are kept.");
  f.field("seed_queue", &JobsOptions::seed_queue,
          "Keys of the Redis store that are shared with other programs; none when left out.");
  f.field("consume", &JobsOptions::consume,
          "Whether this process runs jobs; without, it only takes them in.");
  f.field("concurrency", &JobsOptions::concurrency,
          "How many jobs of one callable this process runs at once.")
      .range(1, 100'000);
  f.field("queues", &JobsOptions::queues, "What differs for the jobs of a callable, by its name.")
      .entries(0, 10'000);
  f.field("lease", &JobsOptions::lease,
          "How long a worker that is silent keeps a job; a third of it passes between two signs of "
          "life.")
      .range(1s, 1h);
  f.field("retries", &JobsOptions::retries, "How often a job whose call failed is tried again.")
      .at_most(100);
  f.field("retry_base", &JobsOptions::retry_base,
          "How long after the first failure; twice as long after each further one, less a random "
          "part of up to a half.")
      .range(1ms, 1h);
  f.field("retry_longest", &JobsOptions::retry_longest, "The longest time between two attempts.")
      .range(1ms, 24h);
  f.field("lost_leases", &JobsOptions::lost_leases,
          "After how many workers that stopped while they had it a job is given up.")
      .range(1, 100);
  f.field("retention", &JobsOptions::retention,
          "How long a job that has ended, and its result, "
          "are kept.")
      .range(1s, 24h * 365);
  f.field("longest_wait", &JobsOptions::longest_wait,
          "How long a request may wait for a job's end (?wait=).")
      .at_most(1h);
  f.bytes("max_output_bytes", &JobsOptions::max_output_bytes,
          "The longest output that a program which leases jobs may hand in, and the longest answer "
          "that is kept of a call made later.")
      .range(1024, std::size_t{1} << 30);
  f.field("webhooks", &JobsOptions::webhooks, "Telling URLs of the ends of jobs.");
}

void validate(const JobsOptions& o, config::Problems& p, const config::Node& at) {
  if (!p.were_read(at, {"store", "seed_queue"})) return;
  if (o.seed_queue && o.store != StoreKind::kRedis) {
    p.add(o.seed_queue->where, "only the Redis store has it: set jobs.store to redis");
  }
}

JobPolicy JobsOptions::policy() const {
  return {.lease = lease,
          .retries = retries,
          .retry_base = retry_base,
          .retry_longest = retry_longest,
          .poison_limit = lost_leases,
          .retention = retention};
}

}  // namespace sluice::jobs
