// Bodies of OpenAI's and Ollama's APIs. The first byte chooses which request is read. What is read
// keeps to the bounds that the engines rely on.
#include <cstdlib>
#include <string>

#include "api/ollama/request.h"
#include "api/openai/request.h"
#include "http/json/reader.h"

namespace ollama = sluice::api::ollama;
namespace openai = sluice::api::openai;

namespace {

void check(bool good) {
  if (!good) std::abort();
}

template <class T>
bool came(const sluice::api::generation::Read<T>& read) {
  if (read) return true;
  check(read.error().error.code == sluice::ErrorCode::kInvalid);
  check(!read.error().error.message.empty());
  return false;
}

void check_prompt(const sluice::GenerateRequest& request) {
  check(request.prompt.has_value() != !request.messages.empty());
  check(request.choices >= 1 && request.choices <= sluice::kMaxChoices);
  check(request.stop.size() <= sluice::kMaxStopTexts);
  for (const std::string& stop : request.stop) {
    check(!stop.empty() && stop.size() <= sluice::kMaxStopBytes);
  }
  check(request.logprobs.value_or(0) <= sluice::kMaxLogprobs);
  check(request.tool_choice != sluice::ToolChoice::kRequired || !request.tools.empty());
}

template <class T>
void check_prompt(const sluice::api::generation::Read<T>& read) {
  if (came(read)) check_prompt(read->request);
}

template <class T>
void check_texts(const sluice::api::generation::Read<T>& read) {
  if (came(read)) check(read->request.inputs.size() <= sluice::kMaxEmbedInputs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  text.append(sluice::json::kPadding, ' ');
  const std::string_view body = std::string_view(text).substr(0, size - 1);
  sluice::json::Reader reader;
  switch (data[0] % 8) {
    case 0:
      check_prompt(openai::read_chat(reader, body));
      break;
    case 1:
      check_prompt(openai::read_completion(reader, body));
      break;
    case 2:
      check_texts(openai::read_embedding(reader, body));
      break;
    case 3:
      check_prompt(ollama::read_generate(reader, body));
      break;
    case 4:
      check_prompt(ollama::read_chat(reader, body));
      break;
    case 5:
      check_texts(ollama::read_embed(reader, body));
      break;
    case 6:
      came(ollama::read_show(reader, body));
      break;
    default:
      ollama::parse_duration(body);
  }
  return 0;
}
