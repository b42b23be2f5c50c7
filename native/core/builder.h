// Turns a PlanSpec into steps over placed tensors. Each operator family has one Build function (build.h) that asks for
// its inputs in the layout it wants, declares its outputs, and adds steps; conversions, halos and memory are the
// builder's.
#pragma once
#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/conv_form.h"
#include "core/monitor.h"
#include "core/packing.h"
#include "core/plan_spec.h"
#include "core/sharing.h"
#include "core/status.h"
#include "core/step.h"
#include "core/strip.h"
#include "core/tensor.h"
#include "kernels/table.h"

namespace lanewise {

// Packed constants shared by the plans of one model, by the id of the constant and the form it was packed in.
class PackCache {
 public:
  using Key = std::pair<int64_t, std::string>;
  using Buffers = std::map<Key, std::shared_ptr<Buffer>>;
  // Null when absent.
  std::shared_ptr<Buffer> Find(const Key& key) const;
  void Insert(const Buffers& buffers);
  // A zeroed buffer for what is to be inserted.
  Status Allocate(size_t size, Buffer* buffer);
  // Weights that failed the self-check of a form are convolved with directly from then on.
  void KeepDirect(int64_t constant_id);
  bool IsKeptDirect(int64_t constant_id) const;
  size_t bytes() const;
  // All there are. Plans keep what they use.
  Buffers TakeAll();

 private:
  mutable Monitor monitor_;  // plans may be built on several threads at once
  Buffers buffers_;
  BufferPool pool_;
  std::set<int64_t> direct_;
};

// A tensor's memory: the arena (with a lifetime), a port of the plan, or a constant buffer.
struct Storage {
  enum class Kind { kArena, kInput, kOutput, kConstant };
  Kind kind = Kind::kArena;
  int port = kNone;                // kInput, kOutput; kArena: the input that it is a copy of, with a halo (HaloCopy)
  std::shared_ptr<Buffer> buffer;  // kConstant
  int64_t size = 0;                // floats
  int64_t offset = 0;              // kArena: floats from its start, set last
  int first_step = 0, last_step = 0;
  int uses = 0;  // by tensors and steps
};

struct PlacedTensor {
  int storage = kNone;
  int64_t origin = 0;  // from the storage's start to the first interior element
};

// A step that gives an input of the plan a halo, which is all that is done with this input.
struct HaloCopy {
  int port;
  size_t step;
};

struct PlanOptions {
  int threads = 1;                          // that runs will have: how finely work is cut
  bool strict = true;                       // only what adds in the order of the definition: no ConvForm but kDirect
  const std::atomic<bool>* stop = nullptr;  // looked at between steps
  std::optional<ConvForm> form{};           // of dense convolutions, where it fits: for tests; else the fastest
  bool fail_self_check = false;             // a form that differs from the direct one is an error
  std::optional<int64_t> strip_bytes{};     // of the rows that a strip keeps: for tests; else a part of the cache
};

// A channel of a value that is rank 4.
struct ValueChannel {
  int value;
  int64_t channel;
};

// Where a channel of a composed value is: channel `at` of `tensor` is channel `channel` of the value.
struct PlacedChannel {
  Tensor tensor;
  int64_t at, channel;
};

class PlanBuilder {
 public:
  // `direct`: weights that failed the self-check of a form when this plan was tried before.
  PlanBuilder(const PlanSpec& spec, const KernelTable& kernels, PackCache& packs, const PlanOptions& options,
              const std::set<int>& direct);

  const KernelTable& kernels() const { return kernels_; }
  int lanes() const { return kernels_.lanes; }
  const PlanOptions& options() const { return options_; }
  const PlanSpec& spec() const { return spec_; }
  const ValueSpec& value(int v) const { return spec_.values[static_cast<size_t>(v)]; }
  const Shape& shape(int v) const { return value(v).shape; }
  bool IsConstant(int v) const { return value(v).data != nullptr; }

  // The layout in which a value exists already (its first copy); kBlocked for one that is only composed. Constants and
  // inputs are kPlain or kNhwc.
  Layout LayoutOf(int v) const;
  // Whether `v` is rank 4 and exists blocked.
  bool IsBlocked(int v) const { return LayoutOf(v) == Layout::kBlocked; }

  // Where `v` would be in a blocked tensor of its own, with the border that its readers want.
  Tensor Blocked(int v) const;
  // Whether its rows are passed on in strips: the step that writes it must be a RowStep.
  bool IsStrip(int v) const { return strips_[static_cast<size_t>(v)].buffer_rows > 0; }

  // The value in this layout, converted by an added step if need be. Without `halo` a kPlain tensor is contiguous; with
  // it the border that the reader relies on is filled with zeros or, per channel, with the constant `pad_value`.
  Status In(int v, Layout layout, Tensor* tensor) { return In(v, layout, Halo{}, kNone, tensor); }
  Status In(int v, Layout layout, const Halo& halo, int pad_value, Tensor* tensor);

  // The tensor that the current step writes for `v`. With `in_place_of` (an input of equal size that dies here) the
  // memory is shared when that is safe: the step must then read an element before it writes the same one.
  Status Out(int v, Layout layout, Tensor* tensor) { return Out(v, layout, nullptr, tensor); }
  Status Out(int v, Layout layout, const Tensor* in_place_of, Tensor* tensor);
  // The result of a channel concatenation whose parts were written in place: adds steps only for parts that were not.
  // False where the parts have memory of their own.
  bool IsSharedConcat(const StepSpec& step) const;
  Status FinishSharedConcat(const StepSpec& step);
  // `v` consists of these channels, in this order. Nothing moves before a reader wants `v` as a tensor: what is
  // composed of it is composed of its sources. Channels that follow each other from a block boundary on never move.
  Status ComposeChannels(int v, std::vector<ValueChannel> channels);
  // The channels of `v` where they are, side by side as far as they go: for a step that takes them in any order, which
  // saves the pass that makes `v` a tensor. None where it is one, other steps want one, or pixels of the sources are
  // not equally far apart.
  Status InScattered(int v, std::vector<PlacedChannel>* channels);
  // `v` is another shape of the same plain elements.
  Status Alias(int v, const Tensor& source);
  // The step that reads `v`, where one alone does, once, and `v` is no output of the plan; else null.
  const StepSpec* SoleReader(int v) const;
  // Whether the current step is the last to read `v`.
  bool DiesHere(int v) const { return last_use_[static_cast<size_t>(v)] == current_index_; }
  // `v` is `x` times `factors`, one per channel and image, [N, C] in whole blocks. Its sole reader does the product.
  void DeferScale(int v, const Tensor& x, const Tensor& factors);
  // The factors that the reader of `v` has to apply; false where there are none.
  bool DeferredScale(int v, Tensor* factors);
  // Contiguous memory for the current operator's steps, dead after the last of them.
  Status Temporary(const Shape& shape, Layout layout, Tensor* tensor);

  // A packed constant: from the cache, or a zeroed buffer of `size` floats that `packer` fills once all steps are
  // built. Elements of a constant are seen by packers alone: those of stored weights are nowhere else.
  // Where `packer` has a verdict and it is bad, the plan is made again, with IsKeptDirect(v).
  Status Pack(int v, const std::string& form, size_t size, Packer packer, std::shared_ptr<Buffer>* packed,
              std::shared_ptr<PackVerdict> verdict = nullptr);
  bool IsKeptDirect(int v) const { return direct_.count(v) > 0 || packs_.IsKeptDirect(value(v).constant_id); }
  // Every thread's RunContext::scratch has at least this many floats.
  void ReserveScratch(size_t floats);
  void Add(std::unique_ptr<Step> step, StepInfo info);

  // The node being built, for names and messages: "operator 'name'".
  std::string Where() const;
  const StepSpec& current() const { return *current_; }

 private:
  friend class Plan;
  // A tensor that holds a value, and what its halo is filled with.
  struct Copy {
    Tensor tensor;
    int pad_value = kNone;
  };
  // The border that convolutions want around a value in the blocked layout. Readers with another padding value than the
  // first get a copy of their own.
  struct HaloNeed {
    Halo halo;
    int pad_value = kNone;
    bool any = false;
  };

  Status Begin();
  Status BuildStep(const StepSpec& step, int index);
  Status Finish();
  // Does what Pack promised, and shares it.
  Status PackAll();
  void CollectNeeds();
  void PlaceArena();

  Tensor Describe(const Shape& shape, Layout layout, const Halo& halo) const;
  // Of a value: elements of its type.
  Tensor Describe(int v, Layout layout, const Halo& halo) const;
  // Floats of memory.
  int64_t SizeOf(const Tensor& tensor) const;
  int64_t OriginOf(const Tensor& tensor) const;
  Tensor Place(Tensor tensor, int storage);
  int NewStorage(Storage storage);
  void Touch(const Tensor& tensor);
  void Use(int storage);
  Status FillHalo(const Tensor& tensor, int pad_value);
  // What is left of halo_copies_ once all is built.
  void KeepSoleHaloCopies();
  Status ConstantCopy(int v, Layout layout, const Halo& halo, int pad_value, Tensor* tensor);
  bool MayWriteOver(const Tensor& tensor) const;
  Tensor PlaceShare(int v);
  bool LiesInShare(int v) const;
  Tensor PlaceStrip(int v);
  std::unique_ptr<Step> JoinStrips(std::unique_ptr<Step> reader, StepInfo* info);
  Status CheckLayout(int v, Layout layout) const;
  // `v` is the channels of `source` from `channel` on, which must begin a block.
  void AliasChannels(int v, const Tensor& source, int64_t channel);
  bool IsComposed(int v) const;
  // Gives a composed value memory.
  Status GatherChannels(int v);

  const PlanSpec& spec_;
  const KernelTable& kernels_;
  PackCache& packs_;
  const PlanOptions options_;
  const std::set<int>& direct_;
  bool has_many_constants_ = false;
  std::set<int> failed_;  // weights that are not in direct_ and should be
  const StepSpec* current_ = nullptr;
  int current_index_ = 0;
  std::vector<std::vector<Copy>> copies_;            // by value
  std::vector<std::vector<ValueChannel>> composed_;  // by value: where its channels come from
  std::vector<HaloNeed> halo_needs_;                 // by value
  std::vector<int> last_use_;                        // by value: index of the last StepSpec that reads it
  std::vector<int> output_port_;                     // by value
  std::vector<ChannelShare> shares_;                 // by value
  std::vector<int> share_storage_;                   // by root: its storage, once a part was placed
  std::map<int, Tensor> deferred_scales_;            // by value
  std::vector<Strip> strips_;                        // by value
  std::unique_ptr<Step> strip_writer_;               // waits for the step that reads its rows, which is being built
  std::vector<PlacedTensor> placed_;                 // by Tensor::id
  std::vector<Storage> storages_;
  std::vector<int> touched_;         // storages used by the operator being built
  std::unique_ptr<Step> halo_fill_;  // joins the next step, which writes inside that halo
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<HaloCopy> halo_copies_;            // of inputs, by step
  std::vector<std::shared_ptr<Buffer>> packed_;  // keeps the constants of the steps alive
  struct Verdict {
    int value;
    PackCache::Key key;
    std::string where;
    std::shared_ptr<PackVerdict> verdict;
  };
  std::vector<Verdict> verdicts_;  // on some of the following
  std::vector<PackJob> pack_jobs_;
  std::map<PackCache::Key, std::shared_ptr<Buffer>> pending_;  // what those will have made of constants with an id
  size_t own_bytes_ = 0;                                       // of those that packs_ does not share
  size_t scratch_ = 0;
  int64_t arena_size_ = 0;
};

// Every value a step reads.
std::vector<int> ReadValues(const StepSpec& step);

}  // namespace lanewise
