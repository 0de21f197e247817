// SPDX-License-Identifier: Apache-2.0
// FlatBuffers' verifier says whether a file is whole, not where it is broken. Where it is not, the file is walked again
// from the root, a table at a time, each with a verifier of its own.
#include "formats/tflite_structure.hpp"

#include <fmt/format.h>
#include <tflite_schema_generated.h>

namespace lichen::formats {
namespace {

constexpr flatbuffers::uoffset_t kDepthMax = 32;
constexpr flatbuffers::uoffset_t kTablesMax = 1'000'000;

template <typename T>
using Tables = flatbuffers::Vector<flatbuffers::Offset<T>>;

class Walk {
 public:
  explicit Walk(ByteView file) : data_(reinterpret_cast<const std::uint8_t*>(file.data())), size_(file.size()) {}

  std::string broken() const {
    const auto root = flatbuffers::ReadScalar<flatbuffers::uoffset_t>(data_);
    if (root >= size_) return fmt::format("the root table's offset {} (byte 0)", root);
    const auto* model = flatbuffers::GetRoot<tflite::Model>(data_);
    if (!is_table(model)) return place("Model", model);
    if (auto found = broken_in<tflite::OperatorCode>(model, tflite::Model::VT_OPERATOR_CODES, "OperatorCode"))
      return *found;
    if (auto found = broken_in<tflite::Buffer>(model, tflite::Model::VT_BUFFERS, "Buffer")) return *found;
    const auto* subgraphs = vector_of<tflite::SubGraph>(model, tflite::Model::VT_SUBGRAPHS);
    if (subgraphs == nullptr) return place("Model.subgraphs", model);
    for (flatbuffers::uoffset_t i = 0; i < subgraphs->size(); ++i) {
      if (auto found = broken_in(subgraphs->Get(i), i)) return *found;
    }
    return place("Model", model);
  }

 private:
  flatbuffers::Verifier verifier() const { return {data_, size_, kDepthMax, kTablesMax}; }

  // Generated tables hide their base, which is all that they are.
  template <typename T>
  static const flatbuffers::Table* base_of(const T* table) {
    return reinterpret_cast<const flatbuffers::Table*>(table);
  }

  std::string place(std::string_view what, const void* table) const {
    const auto at = reinterpret_cast<std::uintptr_t>(table) - reinterpret_cast<std::uintptr_t>(data_);
    if (at >= size_) return fmt::format("{} (outside of the file)", what);
    return fmt::format("{} (byte {})", what, at);
  }

  template <typename T>
  bool is_table(const T* table) const {
    flatbuffers::Verifier check = verifier();
    return base_of(table)->VerifyTableStart(check);
  }

  // The vector in a field of a sound table; null where it is broken or absent.
  template <typename T, typename Parent>
  const Tables<T>* vector_of(const Parent* parent, flatbuffers::voffset_t field) const {
    flatbuffers::Verifier check = verifier();
    if (!base_of(parent)->VerifyTableStart(check) || !base_of(parent)->VerifyOffset(check, field)) return nullptr;
    const auto* vector = base_of(parent)->template GetPointer<const Tables<T>*>(field);
    return vector != nullptr && check.VerifyVector(vector) ? vector : nullptr;
  }

  template <typename Parent>
  bool has_field(const Parent* parent, flatbuffers::voffset_t field) const {
    flatbuffers::Verifier check = verifier();
    return base_of(parent)->VerifyTableStart(check) && base_of(parent)->GetOptionalFieldOffset(field) != 0;
  }

  template <typename T, typename Parent>
  std::optional<std::string> broken_in(const Parent* parent, flatbuffers::voffset_t field,
                                       std::string_view name) const {
    if (!has_field(parent, field)) return std::nullopt;
    const auto* vector = vector_of<T>(parent, field);
    if (vector == nullptr) return place(fmt::format("the list of {}s", name), parent);
    for (flatbuffers::uoffset_t i = 0; i < vector->size(); ++i) {
      flatbuffers::Verifier check = verifier();
      if (!vector->Get(i)->Verify(check)) return place(fmt::format("{} {}", name, i), vector->Get(i));
    }
    return std::nullopt;
  }

  std::optional<std::string> broken_in(const tflite::SubGraph* subgraph, flatbuffers::uoffset_t index) const {
    const std::string name = fmt::format("SubGraph {}", index);
    if (!is_table(subgraph)) return place(name, subgraph);
    if (auto found = broken_in<tflite::Tensor>(subgraph, tflite::SubGraph::VT_TENSORS, name + ", Tensor")) return found;
    if (auto found = broken_in<tflite::Operator>(subgraph, tflite::SubGraph::VT_OPERATORS, name + ", Operator"))
      return found;
    flatbuffers::Verifier check = verifier();
    if (!subgraph->Verify(check)) return place(name, subgraph);
    return std::nullopt;
  }

  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace

std::optional<std::string> broken_table(ByteView file) {
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(file.data()), file.size(), kDepthMax,
                                 kTablesMax);
  if (tflite::VerifyModelBuffer(verifier)) return std::nullopt;
  return Walk(file).broken();
}

}  // namespace lichen::formats
