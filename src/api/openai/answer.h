// How answers of OpenAI's API are written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/generation/form.h"
#include "api/openai/request.h"
#include "inference/callable.h"

namespace sluice::api::openai {

// {"error": {message, type, param, code}}, with the status and the headers that say when to come
// back. `code` is this API's ("model_not_found"); empty: as the error has it.
void answer_error(http::Exchange& exchange, int status, const Error& error,
                  const http::HeaderList* extra = nullptr);
void answer_error(http::Exchange& exchange, const Error& error, std::string_view param = {},
                  std::string_view code = {});
// The member at fault that an error names by what it is, where `input` is what the model reads;
// else empty.
std::string_view param_of(const Error& error, std::string_view input);
std::string error_json(const Error& error, std::string_view param = {}, std::string_view code = {});

// What stands in every answer to a request.
struct AnswerFacts {
  std::string id;  // "chatcmpl-..."
  std::string model;
  std::int64_t created = 0;  // seconds since 1970
  bool include_usage = false;
  std::uint32_t choices = 1;
  // Of completions: what the texts begin with, one for as many choices as each prompt has.
  std::vector<std::string> echo = {};
};

std::unique_ptr<generation::Form> make_chat_form(AnswerFacts facts);
std::unique_ptr<generation::Form> make_completion_form(AnswerFacts facts);

std::string embedding_json(const EmbedAsked& asked, const EmbedResponse& response);

// Of /v1/models.
std::string models_json(const std::vector<const Callable*>& callables, std::int64_t created);
std::string model_json(const Callable& callable, std::int64_t created);

}  // namespace sluice::api::openai
