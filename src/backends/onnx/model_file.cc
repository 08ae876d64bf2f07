#include "backends/onnx/model_file.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "backends/onnx/wire.h"

namespace sluice::onnx {

namespace {

// Field numbers of onnx.proto.
constexpr std::uint32_t kModelGraph = 7;
constexpr std::uint32_t kModelOpsetImport = 8;
constexpr std::uint32_t kOpsetDomain = 1;
constexpr std::uint32_t kGraphNode = 1;
constexpr std::uint32_t kGraphInput = 11;
constexpr std::uint32_t kGraphOutput = 12;
constexpr std::uint32_t kNodeInput = 1;
constexpr std::uint32_t kNodeOutput = 2;
constexpr std::uint32_t kNodeOpType = 4;
constexpr std::uint32_t kNodeAttribute = 5;
constexpr std::uint32_t kAttributeName = 1;
constexpr std::uint32_t kAttributeGraph = 6;
constexpr std::uint32_t kAttributeIntegers = 8;
constexpr std::uint32_t kAttributeTexts = 9;
constexpr std::uint32_t kValueName = 1;
constexpr std::uint32_t kValueType = 2;
constexpr std::uint32_t kTypeTensor = 1;
constexpr std::uint32_t kTensorElement = 1;
constexpr std::uint32_t kTensorShape = 2;
constexpr std::uint64_t kElementFloat = 1;
constexpr int kMaxNesting = 16;  // of graphs in graphs

std::string_view first_bytes(std::string_view message, std::uint32_t number) {
  WireReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == number && field->has_bytes) return field->bytes;
  }
  return {};
}

bool has_field(std::string_view message, std::uint32_t number) {
  WireReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == number) return true;
  }
  return false;
}

bool graph_loops(std::string_view graph, int nesting);

bool node_loops(std::string_view node, int nesting) {
  WireReader reader(node);
  while (const auto field = reader.next()) {
    if (field->number == kNodeOpType && (field->bytes == "Loop" || field->bytes == "Scan")) {
      return true;
    }
    if (field->number != kNodeAttribute) continue;
    const std::string_view graph = first_bytes(field->bytes, kAttributeGraph);
    if (!graph.empty() && graph_loops(graph, nesting + 1)) return true;
  }
  return false;
}

bool graph_loops(std::string_view graph, int nesting) {
  if (nesting > kMaxNesting) return true;
  WireReader reader(graph);
  while (const auto field = reader.next()) {
    if (field->number == kGraphNode && node_loops(field->bytes, nesting)) return true;
  }
  return false;
}

// Repeated integers come one a field, or packed into one.
void read_integers(const WireField& field, std::vector<std::int64_t>& to) {
  if (!field.has_bytes) {
    to.push_back(static_cast<std::int64_t>(field.value));
    return;
  }
  std::uint64_t value = 0;
  int shift = 0;
  for (const char c : field.bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    shift += 7;
    if (byte >= 0x80) continue;
    to.push_back(static_cast<std::int64_t>(value));
    value = 0;
    shift = 0;
  }
}

// The order in which the keys ascend; none where one repeats, which a map would swallow.
template <class Key>
std::optional<std::vector<std::size_t>> ascending(const std::vector<Key>& keys) {
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return keys[i]; });
  const auto same = [&](std::size_t a, std::size_t b) { return keys[a] == keys[b]; };
  if (std::ranges::adjacent_find(order, same) != order.end()) return std::nullopt;
  return order;
}

struct ZipMap {
  std::string_view input;
  MapTable table;
};

std::optional<ZipMap> read_zipmap(std::string_view node) {
  if (first_bytes(node, kNodeOpType) != "ZipMap") return std::nullopt;
  ZipMap zipmap{first_bytes(node, kNodeInput),
                {std::string(first_bytes(node, kNodeOutput)), {}, {}}};
  std::vector<std::int64_t> integers;
  std::vector<std::string> texts;
  WireReader reader(node);
  while (const auto field = reader.next()) {
    if (field->number != kNodeAttribute ||
        !first_bytes(field->bytes, kAttributeName).starts_with("classlabels_")) {
      continue;
    }
    WireReader attribute(field->bytes);
    while (const auto value = attribute.next()) {
      if (value->number == kAttributeIntegers) read_integers(*value, integers);
      if (value->number == kAttributeTexts) texts.emplace_back(value->bytes);
    }
  }
  if (integers.empty() == texts.empty()) return std::nullopt;
  auto order = integers.empty() ? ascending(texts) : ascending(integers);
  if (!order) return std::nullopt;
  for (const std::size_t i : *order) {
    zipmap.table.labels.push_back(integers.empty() ? texts[i] : std::to_string(integers[i]));
  }
  zipmap.table.columns = std::move(*order);
  return zipmap;
}

// All tensors that some node reads.
std::set<std::string_view> read_tensors(std::string_view graph) {
  std::set<std::string_view> names;
  WireReader reader(graph);
  while (const auto field = reader.next()) {
    if (field->number != kGraphNode) continue;
    WireReader node(field->bytes);
    while (const auto part = node.next()) {
      if (part->number == kNodeInput) names.insert(part->bytes);
    }
  }
  return names;
}

std::set<std::string_view> output_names(std::string_view graph) {
  std::set<std::string_view> names;
  WireReader reader(graph);
  while (const auto field = reader.next()) {
    if (field->number == kGraphOutput) names.insert(first_bytes(field->bytes, kValueName));
  }
  return names;
}

bool knows_default_domain(std::string_view model) {
  WireReader reader(model);
  while (const auto field = reader.next()) {
    if (field->number != kModelOpsetImport) continue;
    const std::string_view domain = first_bytes(field->bytes, kOpsetDomain);
    if (domain.empty() || domain == "ai.onnx") return true;
  }
  return false;
}

std::string float_tensor(std::string_view name) {
  std::string tensor;
  append_number(tensor, kTensorElement, kElementFloat);
  std::string type;
  append_bytes(type, kTypeTensor, tensor);
  std::string value;
  append_bytes(value, kValueName, name);
  append_bytes(value, kValueType, type);
  return value;
}

std::string identity(std::string_view from, std::string_view to) {
  std::string node;
  append_bytes(node, kNodeInput, from);
  append_bytes(node, kNodeOutput, to);
  append_bytes(node, kNodeOpType, "Identity");
  return node;
}

std::string rewrite_graph(std::string_view graph, std::vector<MapTable>& tables) {
  const auto outputs = output_names(graph);
  const auto read = read_tensors(graph);
  const auto was_map = [&](std::string_view name) {
    return std::ranges::contains(tables, name, &MapTable::output);
  };
  std::string nodes;
  std::string others;
  WireReader reader(graph);
  while (const auto field = reader.next()) {
    if (field->number != kGraphNode) continue;
    auto zipmap = read_zipmap(field->bytes);
    if (zipmap && outputs.contains(zipmap->table.output) && !read.contains(zipmap->table.output)) {
      append_bytes(nodes, kGraphNode, identity(zipmap->input, zipmap->table.output));
      tables.push_back(std::move(zipmap->table));
    } else {
      nodes += field->encoded;
    }
  }
  WireReader again(graph);
  while (const auto field = again.next()) {
    if (field->number == kGraphNode) continue;
    const std::string_view name =
        field->number == kGraphOutput ? first_bytes(field->bytes, kValueName) : "";
    if (!name.empty() && was_map(name)) {
      append_bytes(others, kGraphOutput, float_tensor(name));
    } else {
      others += field->encoded;
    }
  }
  return nodes + others;
}

void find_shapeless(std::string_view graph, std::vector<std::string>& names) {
  WireReader reader(graph);
  while (const auto field = reader.next()) {
    if (field->number != kGraphInput) continue;
    const std::string_view tensor = first_bytes(first_bytes(field->bytes, kValueType), kTypeTensor);
    if (!tensor.empty() && !has_field(tensor, kTensorShape)) {
      names.emplace_back(first_bytes(field->bytes, kValueName));
    }
  }
}

}  // namespace

std::optional<ModelFacts> look_into(std::string_view model) {
  ModelFacts facts;
  std::string rewritten;
  bool has_graph = false;
  const bool may_rewrite = knows_default_domain(model) && model.contains("ZipMap");
  WireReader reader(model);
  while (const auto field = reader.next()) {
    if (field->number == kModelGraph && field->has_bytes) {
      has_graph = true;
      facts.loops = graph_loops(field->bytes, 0);
      find_shapeless(field->bytes, facts.shapeless_inputs);
      if (may_rewrite) {
        append_bytes(rewritten, kModelGraph, rewrite_graph(field->bytes, facts.tables));
        continue;
      }
    }
    if (may_rewrite) rewritten += field->encoded;
  }
  if (!has_graph || reader.end() != WireReader::End::kComplete) return std::nullopt;
  if (!facts.tables.empty()) facts.rewritten = std::move(rewritten);
  return facts;
}

ParseFailure diagnose(std::string_view model) {
  WireReader reader(model);
  while (reader.next()) {
  }
  // A model begins with its version (field 1, a number).
  const bool begins_as_model = !model.empty() && model.front() == '\x08';
  return begins_as_model && reader.end() == WireReader::End::kCutShort ? ParseFailure::kCutShort
                                                                       : ParseFailure::kNotOnnx;
}

}  // namespace sluice::onnx
