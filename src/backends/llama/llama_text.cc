#include "backends/llama/llama_text.h"

#include <chat.h>
#include <json-schema-to-grammar.h>
#include <json.h>
#include <llama.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "backends/llama/llama_sampler.h"
#include "base/format.h"

namespace sluice::llama {

namespace {

constexpr std::string_view kAnyObject = R"({"type":"object"})";

std::vector<common_chat_msg> to_messages(const std::vector<ChatMessage>& messages) {
  std::vector<common_chat_msg> out;
  out.reserve(messages.size());
  for (const ChatMessage& message : messages) {
    common_chat_msg& to = out.emplace_back();
    to.role = message.role;
    to.content = message.content;
    to.reasoning_content = message.reasoning;
    to.tool_name = message.name;
    to.tool_call_id = message.tool_call_id;
    for (const ToolCall& call : message.tool_calls) {
      to.tool_calls.push_back({.name = call.name, .arguments = call.arguments, .id = call.id});
    }
  }
  return out;
}

common_chat_tool_choice to_choice(ToolChoice choice) {
  switch (choice) {
    case ToolChoice::kAuto:
      return COMMON_CHAT_TOOL_CHOICE_AUTO;
    case ToolChoice::kNone:
      return COMMON_CHAT_TOOL_CHOICE_NONE;
    case ToolChoice::kRequired:
      return COMMON_CHAT_TOOL_CHOICE_REQUIRED;
  }
  return COMMON_CHAT_TOOL_CHOICE_AUTO;
}

template <class To, class From>
void set(To& to, const std::optional<From>& from) {
  if (from) to = static_cast<To>(*from);
}

common_params_sampling to_sampling(const Sampling& from, std::int32_t context) {
  common_params_sampling to;
  to.no_perf = true;
  set(to.temp, from.temperature);
  set(to.top_p, from.top_p);
  set(to.top_k, from.top_k);
  set(to.min_p, from.min_p);
  set(to.typ_p, from.typical_p);
  set(to.penalty_repeat, from.repeat_penalty);
  set(to.penalty_last_n, from.repeat_last_n);
  if (to.penalty_last_n < 0) to.penalty_last_n = context;
  set(to.penalty_present, from.presence_penalty);
  set(to.penalty_freq, from.frequency_penalty);
  set(to.mirostat, from.mirostat);
  set(to.mirostat_tau, from.mirostat_tau);
  set(to.mirostat_eta, from.mirostat_eta);
  set(to.seed, from.seed);
  to.ignore_eos = from.ignore_end;
  return to;
}

class LlamaText final : public Prompter {
 public:
  LlamaText(std::shared_ptr<const Weights> weights, common_chat_templates_ptr templates)
      : weights_(std::move(weights)),
        vocab_(llama_model_get_vocab(weights_->get())),
        templates_(std::move(templates)) {}

  // The library says by exceptions what it does not take.
  Result<Prepared> prepare(const GenerateRequest& request) override {
    try {
      return request.prompt ? of_prompt(request) : of_messages(request);
    } catch (const std::exception& e) {
      return fail(invalid(formatted("the request does not fit the model: {}", e.what())));
    }
  }

 private:
  Result<Prepared> of_prompt(const GenerateRequest& request) {
    common_params_sampling sampling = sampling_of(request);
    sampling.grammar = grammar_of(request.constraint);
    Prepared prepared;
    prepared.stop = request.stop;
    return finish(std::move(prepared), request, *request.prompt, std::move(sampling));
  }

  Result<Prepared> of_messages(const GenerateRequest& request) {
    common_chat_templates_inputs inputs;
    inputs.messages = to_messages(request.messages);
    const bool tools = !request.tools.empty() && request.tool_choice != ToolChoice::kNone;
    if (tools) {
      for (const ToolDeclaration& tool : request.tools) {
        inputs.tools.push_back(
            {.name = tool.name, .description = tool.description, .parameters = tool.parameters});
      }
    }
    inputs.tool_choice = to_choice(request.tool_choice);
    // What is held to a format from its first token on is not thought about before.
    const bool free = tools || request.constraint.kind == Constraint::Kind::kNone;
    inputs.enable_thinking = free && request.reasoning != ReasoningEffort::kNone;
    inputs.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
    // Beside tools the template's format has to know of it. Alone, an answer is held to it from its
    // first token on, without the wrapping that a template may allow.
    if (tools) constrain(request.constraint, inputs);
    const common_chat_params chat = common_chat_templates_apply(templates_.get(), inputs);

    common_params_sampling sampling = sampling_of(request);
    if (tools && !chat.grammar.empty()) {
      sampling.grammar = {grammar_type(request), chat.grammar};
      sampling.grammar_lazy = chat.grammar_lazy;
      sampling.generation_prompt = chat.generation_prompt;
      add_triggers(chat, sampling);
    } else {
      if (tools && request.tool_choice == ToolChoice::kRequired) {
        return fail(invalid(
            "the chat template of this model knows no tools, so it cannot be held to a call of "
            "one: take a model that does, or leave 'tool_choice' out"));
      }
      sampling.grammar = grammar_of(request.constraint);
    }
    Prepared prepared;
    prepared.stop = request.stop;
    prepared.stop.insert(prepared.stop.end(), chat.additional_stops.begin(),
                         chat.additional_stops.end());
    if (tools || (free && chat.supports_thinking)) prepared.read = reader(chat);
    return finish(std::move(prepared), request, chat.prompt, std::move(sampling));
  }

  Result<Prepared> finish(Prepared prepared, const GenerateRequest& request,
                          const std::string& prompt, common_params_sampling sampling) {
    if (sampling.ignore_eos && !sampling.grammar.empty()) {
      return fail(
          invalid("an answer that is held to a grammar cannot go on beyond its end: leave "
                  "ignore_eos out"));
    }
    prepared.prompt = common_tokenize(vocab_, prompt, true, true);
    for (std::uint32_t choice = 0; choice < request.choices; ++choice) {
      common_params_sampling own = sampling;
      // The answers to one request differ, and are the same ones when it is asked again.
      if (request.sampling.seed) own.seed += choice;
      auto sampler = std::make_unique<LlamaSampler>();
      sampler->chain.reset(common_sampler_init(weights_->get(), own));
      if (sampler->chain == nullptr) return fail(invalid("the grammar is not one in GBNF"));
      sampler->logprobs = request.logprobs;
      prepared.samplers.push_back(std::move(sampler));
    }
    return prepared;
  }

  [[nodiscard]] common_params_sampling sampling_of(const GenerateRequest& request) const {
    common_params_sampling sampling =
        to_sampling(request.sampling, llama_model_n_ctx_train(weights_->get()));
    const int tokens = llama_vocab_n_tokens(vocab_);
    for (const auto& [token, bias] : request.sampling.logit_bias) {
      if (token < 0 || token >= tokens) {
        throw std::invalid_argument(
            formatted("logit_bias names token {}; the model has {}", token, tokens));
      }
      sampling.logit_bias.push_back({token, static_cast<float>(bias)});
    }
    if (sampling.ignore_eos) {
      for (llama_token token = 0; token < tokens; ++token) {
        if (llama_vocab_is_eog(vocab_, token)) {
          sampling.logit_bias.push_back({token, -std::numeric_limits<float>::infinity()});
        }
      }
    }
    return sampling;
  }

  static void constrain(const Constraint& constraint, common_chat_templates_inputs& inputs) {
    switch (constraint.kind) {
      case Constraint::Kind::kNone:
        break;
      case Constraint::Kind::kJson:
        inputs.json_schema = kAnyObject;
        break;
      case Constraint::Kind::kJsonSchema:
        inputs.json_schema = constraint.text;
        break;
      case Constraint::Kind::kGrammar:
        inputs.grammar = constraint.text;
        break;
    }
  }
  static common_grammar grammar_of(const Constraint& constraint) {
    const auto of_schema = [](std::string_view schema) -> common_grammar {
      return {COMMON_GRAMMAR_TYPE_OUTPUT_FORMAT,
              json_schema_to_grammar(common_json::parse(std::string(schema)))};
    };
    switch (constraint.kind) {
      case Constraint::Kind::kNone:
        break;
      case Constraint::Kind::kJson:
        return of_schema(kAnyObject);
      case Constraint::Kind::kJsonSchema:
        return of_schema(constraint.text);
      case Constraint::Kind::kGrammar:
        return {COMMON_GRAMMAR_TYPE_USER, constraint.text};
    }
    return {};
  }
  static common_grammar_type grammar_type(const GenerateRequest& request) {
    if (request.constraint.kind == Constraint::Kind::kGrammar) return COMMON_GRAMMAR_TYPE_USER;
    return COMMON_GRAMMAR_TYPE_TOOL_CALLS;
  }

  // A trigger that is one token of the vocabulary is looked for as such.
  void add_triggers(const common_chat_params& chat, common_params_sampling& sampling) const {
    for (const std::string& text : chat.preserved_tokens) {
      const auto tokens = common_tokenize(vocab_, text, false, true);
      if (tokens.size() == 1) sampling.preserved_tokens.insert(tokens[0]);
    }
    for (const common_grammar_trigger& trigger : chat.grammar_triggers) {
      common_grammar_trigger& own = sampling.grammar_triggers.emplace_back(trigger);
      if (trigger.type != COMMON_GRAMMAR_TRIGGER_TYPE_WORD) continue;
      const auto tokens = common_tokenize(vocab_, trigger.value, false, true);
      if (tokens.size() != 1 || !sampling.preserved_tokens.contains(tokens[0])) continue;
      own.type = COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN;
      own.token = tokens[0];
    }
  }

  static ReadAnswer reader(const common_chat_params& chat) {
    common_chat_parser_params params(chat);
    params.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
    if (!chat.parser.empty()) params.parser.load(chat.parser);
    return [params = std::move(params)](std::string text, bool whole) {
      Choice choice;
      try {
        const common_chat_msg message = common_chat_parse(text, !whole, params);
        choice.text = message.content;
        choice.reasoning = message.reasoning_content;
        for (const common_chat_tool_call& call : message.tool_calls) {
          choice.tool_calls.push_back(
              {.id = call.id, .name = call.name, .arguments = call.arguments});
        }
      } catch (const std::exception&) {
        // The model has not kept to its format: text, then; before its end nothing is certain.
        if (whole) choice.text = std::move(text);
      }
      return choice;
    };
  }

  const std::shared_ptr<const Weights> weights_;
  const llama_vocab* const vocab_;
  const common_chat_templates_ptr templates_;
};

}  // namespace

Result<std::unique_ptr<Prompter>> make_prompter(std::shared_ptr<const Weights> weights,
                                                const std::string& chat_template) {
  try {
    auto templates = common_chat_templates_init(weights->get(), chat_template);
    return std::make_unique<LlamaText>(std::move(weights), std::move(templates));
  } catch (const std::exception& e) {
    return fail(invalid(formatted("the chat template cannot be read: {}", e.what())));
  }
}

TemplateFacts facts_of_template(const Weights& weights, const std::string& chat_template) {
  try {
    const auto templates = common_chat_templates_init(weights.get(), chat_template);
    const auto able = common_chat_templates_get_caps(templates.get());
    const auto found = able.find("supports_tools");
    return {.tools = found != able.end() && found->second,
            .reasoning = common_chat_templates_support_enable_thinking(templates.get())};
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace sluice::llama
