#include <gtest/gtest.h>

#include "jobs/tables.h"
#include "sqlite/testing_folder.h"

namespace sluice::jobs {
namespace {

TEST(JobSchema, TakesAFileOfEveryEarlierVersionForwardWithItsJobs) {
  const std::span<const std::string_view> steps = job_schema().steps;
  for (std::size_t version = 1; version < steps.size(); ++version) {
    const sluice::testing::TemporaryFolder folder;
    auto connection =
        sqlite::Connection::open(folder / "jobs.db", sqlite::Connection::Mode::kCreate);
    ASSERT_TRUE(connection);
    const sqlite::Schema earlier{job_schema().application_id, steps.first(version)};
    ASSERT_TRUE(sqlite::migrate(**connection, earlier));
    ASSERT_TRUE((*connection)
                    ->run("INSERT INTO jobs (seq, id, callable, format, priority, tenant, owner, "
                          "batch, metadata, webhook, created, state, attempt, revision, failures, "
                          "lost_leases, outages, worker, progress) VALUES (1, "
                          "x'018bcfe5680070008000000000000000', 'iris', 'infer/1', 1, '', 'me', "
                          "'', '', '', 5, 0, 0, 1, 0, 0, 0, '', 0)"));
    ASSERT_TRUE(sqlite::migrate(**connection, job_schema()));
    JobReader reader(**connection);
    const auto view = reader.get("018bcfe5-6800-7000-8000-000000000000", Store::Want::kRecord);
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ(view->job.callable, "iris");
    EXPECT_EQ(view->job.owner, "me");
    EXPECT_EQ(view->job.line, 0U);
    EXPECT_EQ(view->job.custom_id, "");
  }
}

// Without them looking at a batch is a walk through all jobs.
TEST(JobSchema, FindsTheLinesOfABatchByAnIndex) {
  const sluice::testing::TemporaryFolder folder;
  auto connection = sqlite::Connection::open(folder / "jobs.db", sqlite::Connection::Mode::kCreate);
  ASSERT_TRUE(connection);
  ASSERT_TRUE(sqlite::migrate(**connection, job_schema()));
  for (const char* where : {"state IN (0, 1, 5, 6) LIMIT 1", "state = 6 ORDER BY line LIMIT 9",
                            "state = 2 AND line > 5 ORDER BY line LIMIT 9"}) {
    sqlite::Statement plan(
        **connection, std::string("EXPLAIN QUERY PLAN SELECT seq FROM jobs WHERE batch = ? AND "
                                  "batch <> '' AND ") +
                          where);
    plan.bind(1, std::string_view("b"));
    ASSERT_TRUE(plan.step());
    EXPECT_NE(plan.text(3).find("jobs_in_batch"), std::string_view::npos) << plan.text(3);
    plan.reset();
  }
}

}  // namespace
}  // namespace sluice::jobs
