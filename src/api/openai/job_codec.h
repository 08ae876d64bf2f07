// Jobs of language models: their input is a request of OpenAI's API, their output its answer.
#pragma once

#include <memory>

#include "base/time.h"
#include "jobs/runner.h"

namespace sluice::api::openai {

// The format "generate/1": the body of /v1/chat/completions. "complete/1": that of /v1/completions.
// "embed/1": that of /v1/embeddings. What is said of streams and models is ignored.
std::unique_ptr<sluice::jobs::Codec> make_generate_codec(const Clock& clock);
std::unique_ptr<sluice::jobs::Codec> make_complete_codec(const Clock& clock);
std::unique_ptr<sluice::jobs::Codec> make_embed_codec();

}  // namespace sluice::api::openai
