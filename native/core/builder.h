// Turns a PlanSpec into steps over placed tensors. Each operator family has one Build function (build.h) that asks for its
// inputs in the layout it wants, declares its outputs, and adds steps; conversions, halos and memory are the builder's.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/plan_spec.h"
#include "core/status.h"
#include "core/step.h"
#include "core/tensor.h"
#include "kernels/table.h"

namespace lanewise {

// Packed constants shared by the plans of one model, by the id of the constant and the form it was packed in.
class PackCache {
 public:
  // Null when absent.
  std::shared_ptr<Buffer> Find(int64_t constant_id, const std::string& form) const;
  void Insert(int64_t constant_id, const std::string& form, std::shared_ptr<Buffer> buffer);
  size_t bytes() const;

 private:
  std::map<std::pair<int64_t, std::string>, std::shared_ptr<Buffer>> buffers_;
};

// A tensor's memory: the arena (with a lifetime), a port of the plan, or a constant buffer.
struct Storage {
  enum class Kind { kArena, kInput, kOutput, kConstant };
  Kind kind = Kind::kArena;
  int port = kNone;               // kInput, kOutput
  std::shared_ptr<Buffer> buffer;  // kConstant
  int64_t size = 0;               // elements
  int64_t offset = 0;             // kArena: elements from its start, set last
  int first_step = 0, last_step = 0;
};

struct PlacedTensor {
  int storage = kNone;
  int64_t origin = 0;  // from the storage's start to the first interior element
};

class PlanBuilder {
 public:
  PlanBuilder(const PlanSpec& spec, const KernelTable& kernels, PackCache& packs);

  const KernelTable& kernels() const { return kernels_; }
  int lanes() const { return kernels_.lanes; }
  const ValueSpec& value(int v) const { return spec_.values[static_cast<size_t>(v)]; }
  const Shape& shape(int v) const { return value(v).shape; }
  bool IsConstant(int v) const { return value(v).data != nullptr; }

  // The layout in which a value exists already (its first copy). Constants and inputs are kPlain or kNhwc.
  Layout LayoutOf(int v) const;
  // Whether `v` is rank 4 and exists blocked.
  bool IsBlocked(int v) const { return LayoutOf(v) == Layout::kBlocked; }

  // The value in this layout, converted by an added step if need be; `halo` is what the reader relies on, filled with
  // zeros or, per channel, with the constant `pad_value`.
  Status In(int v, Layout layout, Tensor* tensor) { return In(v, layout, Halo{}, kNone, tensor); }
  Status In(int v, Layout layout, const Halo& halo, int pad_value, Tensor* tensor);
  // The value as it is, in any layout.
  Status In(int v, Tensor* tensor);

  // The tensor that the current step writes for `v`. With `in_place_of` (a tensor of equal size and layout that dies
  // here) the memory is shared when that is safe.
  Status Out(int v, Layout layout, Tensor* tensor) { return Out(v, layout, nullptr, tensor); }
  Status Out(int v, Layout layout, const Tensor* in_place_of, Tensor* tensor);
  // `v` is another shape of the same plain elements.
  Status Alias(int v, const Tensor& source);
  // A tensor that lives until the current operator's last step.
  Status Temporary(const Shape& shape, Layout layout, Tensor* tensor);

  // A packed constant: from the cache, or made by `pack` into a zeroed buffer of `size` floats and kept.
  Status Pack(int v, const std::string& form, size_t size, const std::function<void(float*)>& pack,
              std::shared_ptr<Buffer>* packed);
  // Every thread's RunContext::scratch has at least this many floats.
  void ReserveScratch(size_t floats);
  void Add(std::unique_ptr<Step> step, StepInfo info);

  // The node being built, for names and messages: "operator 'name'".
  std::string Where() const;
  const StepSpec& current() const { return *current_; }

 private:
  friend class Plan;
  struct Copy {
    Tensor tensor;
    int pad_value = kNone;
  };
  Status Begin();                       // ports, halo needs
  Status BuildStep(const StepSpec& step);
  Status Finish();                      // outputs, lifetimes, arena
  Tensor Describe(const Shape& shape, Layout layout, const Halo& halo) const;
  int64_t SizeOf(const Tensor& tensor, int64_t* origin) const;
  Status Place(Tensor* tensor, Storage storage);
  void Touch(const Tensor& tensor);     // extends the storage's life to the step being added
  Halo HaloNeed(int v) const;
  Status FillHalo(const Tensor& tensor, int pad_value);

  const PlanSpec& spec_;
  const KernelTable& kernels_;
  PackCache& packs_;
  const StepSpec* current_ = nullptr;
  int current_index_ = 0;
  std::vector<std::vector<Copy>> copies_;  // by value
  std::vector<Halo> halo_needs_;           // by value: what zero-padding readers want
  std::vector<int> last_use_;              // by value: index of the last StepSpec that reads it
  std::vector<int> output_port_;           // by value
  std::vector<PlacedTensor> placed_;       // by Tensor::id
  std::vector<Storage> storages_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<std::shared_ptr<Buffer>> packed_;  // keeps the weights of the steps alive
  size_t scratch_ = 0;
  int64_t arena_size_ = 0;
};

}  // namespace lanewise
