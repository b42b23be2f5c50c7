// Over 400 lines: everything here shares the bookkeeping of copies, storages and lifetimes that makes a plan.
#include "core/builder.h"

#include <algorithm>
#include <climits>
#include <type_traits>

#include "core/build.h"
#include "core/channel_map.h"
#include "core/conv.h"
#include "core/conv_geometry.h"
#include "core/reorder.h"

namespace lanewise {
namespace {

Halo Larger(const Halo& a, const Halo& b) {
  return {std::max(a.top, b.top), std::max(a.left, b.left), std::max(a.bottom, b.bottom), std::max(a.right, b.right)};
}

template <typename Spec, typename = void>
struct HasEpilogue : std::false_type {};
template <typename Spec>
struct HasEpilogue<Spec, std::void_t<decltype(std::declval<Spec>().epilogue)>> : std::true_type {};

// Elements of constants from which on it does not matter that a large page is not filled.
constexpr int64_t kManyConstants = 1 << 20;

// Operators whose result has the shape of their first input.
template <typename Spec, typename... Kinds>
constexpr bool kIsOneOf = (std::is_same_v<Spec, Kinds> || ...);
template <typename Spec>
constexpr bool kKeepsShape =
    kIsOneOf<Spec, UnarySpec, ScaleSpec, SoftmaxSpec, NormalizeSpec, SqueezeExciteSpec, ChannelShuffleSpec>;

}  // namespace

std::shared_ptr<Buffer> PackCache::Find(const Key& key) const {
  const Locked locked(monitor_);
  const auto it = buffers_.find(key);
  return it == buffers_.end() ? nullptr : it->second;
}

void PackCache::Insert(const Buffers& buffers) {
  const Locked locked(monitor_);
  for (const auto& [key, buffer] : buffers) buffers_[key] = buffer;
}

Status PackCache::Allocate(size_t size, Buffer* buffer) {
  const Locked locked(monitor_);
  return pool_.Allocate(size, buffer);
}

size_t PackCache::bytes() const {
  const Locked locked(monitor_);
  size_t total = 0;
  for (const auto& entry : buffers_) total += entry.second->bytes();
  return total;
}

void PackCache::KeepDirect(int64_t constant_id) {
  const Locked locked(monitor_);
  direct_.insert(constant_id);
}

bool PackCache::IsKeptDirect(int64_t constant_id) const {
  const Locked locked(monitor_);
  return direct_.count(constant_id) > 0;
}

PackCache::Buffers PackCache::TakeAll() {
  const Locked locked(monitor_);
  direct_.clear();
  pool_.Close();
  return std::exchange(buffers_, {});
}

std::vector<int> ReadValues(const StepSpec& step) {
  std::vector<int> read = step.inputs;
  std::visit(
      [&](const auto& spec) {
        using Spec = std::decay_t<decltype(spec)>;
        if constexpr (HasEpilogue<Spec>::value) {
          const EpilogueSpec& e = spec.epilogue;
          for (int v : {e.bias, e.scale, e.shift, e.residual, e.slope, e.gate}) {
            if (v != kNone) read.push_back(v);
          }
        }
        if constexpr (std::is_same_v<Spec, Conv2dSpec>) {
          if (spec.pad_value != kNone) read.push_back(spec.pad_value);
        }
      },
      step.spec);
  return read;
}

PlanBuilder::PlanBuilder(const PlanSpec& spec, const KernelTable& kernels, PackCache& packs, const PlanOptions& options,
                         const std::set<int>& direct)
    : spec_(spec), kernels_(kernels), packs_(packs), options_(options), direct_(direct) {
  const size_t count = spec.values.size();
  copies_.resize(count);
  composed_.resize(count);
  halo_needs_.resize(count);
  last_use_.assign(count, -1);
  output_port_.assign(count, kNone);
  int64_t constants = 0;
  for (const ValueSpec& value : spec.values) constants += value.data == nullptr ? 0 : ElementCount(value.shape);
  has_many_constants_ = constants >= kManyConstants;
  shares_ = FindChannelShares(spec, kernels.lanes);
  share_storage_.assign(count, kNone);
}

std::string PlanBuilder::Where() const {
  return current_ == nullptr ? "plan" : current_->op + " '" + current_->name + "'";
}

void PlanBuilder::CollectNeeds() {
  for (size_t i = 0; i < spec_.steps.size(); ++i) {
    const StepSpec& step = spec_.steps[i];
    for (int v : ReadValues(step)) last_use_[static_cast<size_t>(v)] = static_cast<int>(i);
    Halo halo;
    int pad_value = kNone;
    if (const auto* conv = std::get_if<Conv2dSpec>(&step.spec)) {
      halo = BorderOf(*conv, step, *this);
      pad_value = conv->pad_value;
    } else if (const auto* transposed = std::get_if<ConvTranspose2dSpec>(&step.spec)) {
      halo = ConvTransposeHalo(*transposed, shape(step.inputs[0]), shape(step.inputs[1]), shape(step.outputs[0]));
    }
    if (halo.empty()) continue;
    HaloNeed& need = halo_needs_[static_cast<size_t>(step.inputs[0])];
    if (!need.any) need.pad_value = pad_value;
    if (need.pad_value == pad_value) need.halo = Larger(need.halo, halo);
    need.any = true;
  }
  // All parts of a concatenation have the geometry of the whole: the largest border, filled with zeros. Readers that
  // pad with another value get a copy.
  for (size_t v = 0; v < shares_.size(); ++v) {
    if (shares_[v].root == kNone) continue;
    HaloNeed& whole = halo_needs_[static_cast<size_t>(shares_[v].root)];
    if (whole.pad_value != kNone) whole = {};
    if (halo_needs_[v].pad_value == kNone) whole.halo = Larger(whole.halo, halo_needs_[v].halo);
  }
  for (size_t v = 0; v < shares_.size(); ++v) {
    if (shares_[v].root != kNone) halo_needs_[v] = halo_needs_[static_cast<size_t>(shares_[v].root)];
  }
}

namespace {
Layout PortLayoutOf(const PortSpec& port, const Shape& shape) {
  return port.layout == PortLayout::kNhwc && shape.size() == 4 ? Layout::kNhwc : Layout::kPlain;
}
}  // namespace

Status PlanBuilder::Begin() {
  CollectNeeds();
  strips_ = FindStrips(*this);
  for (size_t i = 0; i < spec_.inputs.size(); ++i) {
    const PortSpec& port = spec_.inputs[i];
    Storage storage;
    storage.kind = Storage::Kind::kInput;
    storage.port = static_cast<int>(i);
    const Layout layout = port.layout == PortLayout::kNhwc ? Layout::kNhwc : Layout::kPlain;
    if (layout == Layout::kNhwc && shape(port.value).size() != 4) return Status::Invalid("NHWC input needs rank 4");
    const Tensor tensor = Place(Describe(port.value, layout, {}), NewStorage(std::move(storage)));
    copies_[static_cast<size_t>(port.value)].push_back({tensor, kNone});
  }
  for (size_t i = 0; i < spec_.outputs.size(); ++i) {
    const auto v = static_cast<size_t>(spec_.outputs[i].value);
    last_use_[v] = INT_MAX;
    if (output_port_[v] == kNone) output_port_[v] = static_cast<int>(i);
  }
  return Status::Ok();
}

Tensor PlanBuilder::Describe(const Shape& shape, Layout layout, const Halo& halo) const {
  Tensor t;
  t.layout = layout;
  t.shape = shape;
  if (shape.size() != 4) return t;
  t.halo = halo;
  const int64_t width = t.w() + halo.left + halo.right, height = t.h() + halo.top + halo.bottom;
  switch (layout) {
    case Layout::kPlain:
      t.pixel_stride = 1;
      t.row_stride = width;
      t.block_stride = height * t.row_stride;
      t.image_stride = t.c() * t.block_stride;
      break;
    case Layout::kNhwc:
      t.pixel_stride = t.c();
      t.row_stride = width * t.pixel_stride;
      t.block_stride = 1;
      t.image_stride = height * t.row_stride;
      break;
    case Layout::kBlocked: {
      t.lanes = lanes();
      t.pixel_stride = t.lanes;
      t.row_stride = width * t.pixel_stride;
      t.block_stride = height * t.row_stride;
      // Blocks a multiple of 4 KiB apart would fall into the same few cache sets.
      constexpr int64_t kPage = 4096 / sizeof(float);
      if (t.block_stride > 0 && t.block_stride % kPage == 0) t.block_stride += t.lanes;
      t.image_stride = t.blocks() * t.block_stride;
      break;
    }
  }
  return t;
}

Tensor PlanBuilder::Describe(int v, Layout layout, const Halo& halo) const {
  Tensor tensor = Describe(shape(v), layout, halo);
  tensor.type = value(v).type;
  return tensor;
}

int64_t PlanBuilder::SizeOf(const Tensor& t) const {
  if (t.shape.size() != 4 || t.type != Element::kFloat32) {
    return (ElementCount(t.shape) * ElementBytes(t.type) + 3) / 4;
  }
  return t.n() * t.image_stride;
}

int64_t PlanBuilder::OriginOf(const Tensor& t) const {
  return t.halo.top * t.row_stride + t.halo.left * t.pixel_stride;
}

int PlanBuilder::NewStorage(Storage storage) {
  storage.first_step = storage.last_step = static_cast<int>(steps_.size());
  storages_.push_back(std::move(storage));
  return static_cast<int>(storages_.size()) - 1;
}

Tensor PlanBuilder::Place(Tensor tensor, int storage) {
  tensor.id = static_cast<int>(placed_.size());
  placed_.push_back({storage, OriginOf(tensor)});
  Use(storage);
  return tensor;
}

void PlanBuilder::Touch(const Tensor& tensor) { Use(placed_[static_cast<size_t>(tensor.id)].storage); }

void PlanBuilder::Use(int storage) {
  touched_.push_back(storage);
  ++storages_[static_cast<size_t>(storage)].uses;
}

Layout PlanBuilder::LayoutOf(int v) const {
  const auto& copies = copies_[static_cast<size_t>(v)];
  if (copies.empty()) return IsComposed(v) ? Layout::kBlocked : Layout::kPlain;
  return copies.front().tensor.layout;
}

Status PlanBuilder::FillHalo(const Tensor& tensor, int pad_value) {
  if (tensor.halo.empty() || SizeOf(tensor) == 0) return Status::Ok();
  const float* values = nullptr;
  if (pad_value != kNone) {
    if (!IsConstant(pad_value) || ElementCount(shape(pad_value)) != tensor.c()) {
      return Status::Invalid(Where() + ": padValue must be a constant with one value per input channel");
    }
    std::shared_ptr<Buffer> packed;
    const int64_t channels = tensor.c();
    const auto size = static_cast<size_t>((channels + lanes() - 1) / lanes() * lanes());
    LANEWISE_RETURN_IF_ERROR(
        Pack(pad_value, "channels " + std::to_string(size), size,
             Packer([channels](const float* values, float* out) { std::copy_n(values, channels, out); }), &packed));
    values = packed->data();
  }
  Touch(tensor);
  std::unique_ptr<Step> fill = MakeHaloFill(tensor, values);
  halo_fill_ = halo_fill_ == nullptr ? std::move(fill) : MakeParallel(std::move(halo_fill_), std::move(fill));
  return Status::Ok();
}

Status PlanBuilder::ConstantCopy(int v, Layout layout, const Halo& halo, int pad_value, Tensor* tensor) {
  if (!halo.empty()) return Status::Unsupported(Where() + ": a constant cannot be padded in place");
  (void)pad_value;
  Tensor source = Describe(v, Layout::kPlain, {}), target = Describe(v, layout, {});
  source.id = 0;
  target.id = 1;
  std::shared_ptr<Buffer> packed;
  // The conversion is the same step that a run would use, with two tensors.
  const auto convert = [step = std::shared_ptr<Step>(MakeReorder(source, target, kernels_))](const float* elements,
                                                                                             float* out) {
    float* tensors[2] = {const_cast<float*>(elements), out};
    step->Run({tensors, nullptr}, 0, step->items());
  };
  LANEWISE_RETURN_IF_ERROR(Pack(v, "tensor " + std::to_string(static_cast<int>(layout)) + " " + std::to_string(lanes()),
                                static_cast<size_t>(SizeOf(target)), Packer(convert), &packed));
  Storage storage;
  storage.kind = Storage::Kind::kConstant;
  storage.buffer = std::move(packed);
  *tensor = Place(target, NewStorage(std::move(storage)));
  copies_[static_cast<size_t>(v)].push_back({*tensor, kNone});
  return Status::Ok();
}

Status PlanBuilder::CheckLayout(int v, Layout layout) const {
  if (layout != Layout::kPlain && value(v).type != Element::kFloat32) {
    return Status::Invalid(Where() + ": float32 is needed, value '" + value(v).name + "' is " +
                           ElementName(value(v).type));
  }
  if (layout != Layout::kPlain && shape(v).size() != 4) {
    return Status::Internal(Where() + ": layout needs rank 4, value '" + value(v).name + "' has rank " +
                            std::to_string(shape(v).size()));
  }
  return Status::Ok();
}

Status PlanBuilder::In(int v, Layout layout, const Halo& halo, int pad_value, Tensor* tensor) {
  LANEWISE_RETURN_IF_ERROR(CheckLayout(v, layout));
  if (IsComposed(v)) LANEWISE_RETURN_IF_ERROR(GatherChannels(v));
  auto& copies = copies_[static_cast<size_t>(v)];
  for (const Copy& copy : copies) {
    const Tensor& t = copy.tensor;
    if (t.layout != layout) continue;
    const bool contiguous_wanted = layout == Layout::kPlain && halo.empty();
    if (contiguous_wanted && !t.halo.empty()) continue;
    if (!t.halo.Covers(halo) || (!halo.empty() && copy.pad_value != pad_value)) continue;
    Touch(t);
    *tensor = t;
    return Status::Ok();
  }
  if (IsConstant(v)) return ConstantCopy(v, layout, halo, pad_value, tensor);
  if (copies.empty()) return Status::Internal(Where() + ": value '" + value(v).name + "' is read before it is written");

  const HaloNeed& need = halo_needs_[static_cast<size_t>(v)];
  const bool share = layout == Layout::kBlocked && (halo.empty() || need.pad_value == pad_value);
  const Halo wanted = share ? Larger(halo, need.halo) : halo;
  const int fill = share ? need.pad_value : pad_value;
  const Tensor source = copies.front().tensor;
  const Tensor target = Describe(v, layout, wanted);
  Storage storage;
  storage.size = SizeOf(target);
  const Storage& from = storages_[static_cast<size_t>(placed_[static_cast<size_t>(source.id)].storage)];
  if (from.kind == Storage::Kind::kInput && source.layout == layout && halo_fill_ == nullptr) {
    storage.port = from.port;
    halo_copies_.push_back({from.port, steps_.size()});
  }
  const Tensor placed = Place(target, NewStorage(std::move(storage)));
  LANEWISE_RETURN_IF_ERROR(FillHalo(placed, fill));
  Touch(source);
  StepInfo info;
  info.kernel = std::string("reorder ") + ReorderName(source.layout, layout);
  info.bytes = 8 * ElementCount(shape(v));
  Add(MakeReorder(source, placed, kernels_), info);
  copies.push_back({placed, fill});
  *tensor = placed;
  return Status::Ok();
}

// The tensor of a value that lives among the channels of another.
Tensor PlanBuilder::PlaceShare(int v) {
  const ChannelShare share = shares_[static_cast<size_t>(v)];
  const auto root = static_cast<size_t>(share.root);
  Tensor tensor = Describe(shape(share.root), Layout::kBlocked, halo_needs_[root].halo);
  if (share_storage_[root] == kNone) {
    Storage storage;
    storage.size = SizeOf(tensor);
    share_storage_[root] = NewStorage(std::move(storage));
  }
  tensor.shape = shape(v);
  tensor = Place(std::move(tensor), share_storage_[root]);
  placed_[static_cast<size_t>(tensor.id)].origin += share.channel / lanes() * tensor.block_stride;
  return tensor;
}

Tensor PlanBuilder::Blocked(int v) const {
  return Describe(v, Layout::kBlocked, halo_needs_[static_cast<size_t>(v)].halo);
}

// The tensor of a value of which a thread has some rows at a time, in its scratch memory.
Tensor PlanBuilder::PlaceStrip(int v) {
  Tensor tensor = Blocked(v);
  tensor.block_stride = strips_[static_cast<size_t>(v)].buffer_rows * tensor.row_stride;
  tensor.image_stride = 0;
  return Place(std::move(tensor), NewStorage({}));
}

bool PlanBuilder::LiesInShare(int v) const {
  const int root = shares_[static_cast<size_t>(v)].root;
  if (root == kNone || share_storage_[static_cast<size_t>(root)] == kNone) return false;
  for (const Copy& copy : copies_[static_cast<size_t>(v)]) {
    if (placed_[static_cast<size_t>(copy.tensor.id)].storage == share_storage_[static_cast<size_t>(root)]) return true;
  }
  return false;
}

bool PlanBuilder::IsSharedConcat(const StepSpec& step) const {
  const ChannelShare whole = shares_[static_cast<size_t>(step.outputs[0])];
  if (whole.root == kNone) return false;
  int64_t channel = whole.channel;
  for (int v : step.inputs) {
    const ChannelShare part = shares_[static_cast<size_t>(v)];
    if (part.root != whole.root || part.channel != channel) return false;
    channel += shape(v)[1];
  }
  return true;
}

Status PlanBuilder::FinishSharedConcat(const StepSpec& step) {
  for (int v : step.inputs) {
    if (IsComposed(v)) LANEWISE_RETURN_IF_ERROR(GatherChannels(v));
    if (LiesInShare(v)) {
      for (const Copy& copy : copies_[static_cast<size_t>(v)]) Touch(copy.tensor);
      continue;
    }
    // Written in another layout: moved to its place now.
    const Tensor source = copies_[static_cast<size_t>(v)].front().tensor;
    const Tensor target = PlaceShare(v);
    LANEWISE_RETURN_IF_ERROR(FillHalo(target, kNone));
    Touch(source);
    StepInfo info;
    info.kernel = std::string("reorder ") + ReorderName(source.layout, Layout::kBlocked);
    info.bytes = 8 * ElementCount(shape(v));
    Add(MakeReorder(source, target, kernels_), info);
    copies_[static_cast<size_t>(v)].push_back({target, kNone});
  }
  const int result = step.outputs[0];
  copies_[static_cast<size_t>(result)].push_back({PlaceShare(result), kNone});
  return Status::Ok();
}

void PlanBuilder::AliasChannels(int v, const Tensor& source, int64_t channel) {
  const PlacedTensor& placed = placed_[static_cast<size_t>(source.id)];
  const int64_t origin = placed.origin + channel / lanes() * source.block_stride;
  int fill = kNone;
  for (const auto& copies : copies_) {
    for (const Copy& copy : copies) {
      if (copy.tensor.id == source.id) fill = copy.pad_value;
    }
  }
  Tensor tensor = source;
  tensor.shape = shape(v);
  // A border filled per channel belongs to the whole tensor's channels.
  if (fill != kNone) tensor.halo = {};
  tensor = Place(std::move(tensor), placed.storage);
  placed_[static_cast<size_t>(tensor.id)].origin = origin;
  copies_[static_cast<size_t>(v)].push_back({tensor, kNone});
}

Status PlanBuilder::ComposeChannels(int v, std::vector<ValueChannel> channels) {
  if (channels.empty()) {
    Tensor nothing;
    return Out(v, Layout::kBlocked, &nothing);
  }
  for (ValueChannel& from : channels) {
    LANEWISE_RETURN_IF_ERROR(CheckLayout(from.value, Layout::kBlocked));
    if (IsComposed(from.value)) from = composed_[static_cast<size_t>(from.value)][static_cast<size_t>(from.channel)];
    // The elements of a constant may be there during this step only.
    Tensor packed;
    if (IsConstant(from.value)) LANEWISE_RETURN_IF_ERROR(In(from.value, Layout::kBlocked, &packed));
    int& last_use = last_use_[static_cast<size_t>(from.value)];
    last_use = std::max(last_use, last_use_[static_cast<size_t>(v)]);
  }
  const ValueChannel first = channels.front();
  bool in_place = first.channel % lanes() == 0;
  for (size_t c = 0; c < channels.size(); ++c) {
    in_place =
        in_place && channels[c].value == first.value && channels[c].channel == first.channel + static_cast<int64_t>(c);
  }
  if (in_place) {
    Tensor source;
    LANEWISE_RETURN_IF_ERROR(In(first.value, Layout::kBlocked, &source));
    AliasChannels(v, source, first.channel);
  } else {
    composed_[static_cast<size_t>(v)] = std::move(channels);
  }
  return Status::Ok();
}

bool PlanBuilder::IsComposed(int v) const {
  return copies_[static_cast<size_t>(v)].empty() && !composed_[static_cast<size_t>(v)].empty();
}

Status PlanBuilder::GatherChannels(int v) {
  std::vector<int> values;
  std::vector<Tensor> sources;
  std::vector<TensorChannel> channels;
  for (const ValueChannel& from : composed_[static_cast<size_t>(v)]) {
    const size_t source = static_cast<size_t>(std::find(values.begin(), values.end(), from.value) - values.begin());
    if (source == values.size()) {
      values.push_back(from.value);
      sources.emplace_back();
      LANEWISE_RETURN_IF_ERROR(In(from.value, Layout::kBlocked, &sources.back()));
    }
    channels.push_back({source, from.channel});
  }
  Tensor target;
  LANEWISE_RETURN_IF_ERROR(Out(v, Layout::kBlocked, &target));
  StepInfo info;
  info.name = value(v).name;
  info.kernel = "channel map";
  info.bytes = 8 * ElementCount(shape(v));
  Add(MakeChannelMap(sources, channels, target, kernels_), info);
  return Status::Ok();
}

bool PlanBuilder::MayWriteOver(const Tensor& tensor) const {
  const PlacedTensor& placed = placed_[static_cast<size_t>(tensor.id)];
  const int storage = placed.storage;
  if (storages_[static_cast<size_t>(storage)].kind != Storage::Kind::kArena) return false;
  // Only a tensor that has its storage to itself: not one among the channels of another.
  if (placed.origin != OriginOf(tensor) || storages_[static_cast<size_t>(storage)].size != SizeOf(tensor)) return false;
  for (size_t v = 0; v < copies_.size(); ++v) {
    for (const Copy& copy : copies_[v]) {
      if (placed_[static_cast<size_t>(copy.tensor.id)].storage == storage && last_use_[v] > current_index_)
        return false;
    }
  }
  // Another operand of this very step may live there too, or channels of one that is read where they are.
  std::multiset<int> operands;
  for (int v : ReadValues(*current_)) {
    operands.insert(v);
    if (!IsComposed(v)) continue;
    std::set<int> sources;
    for (const ValueChannel& from : composed_[static_cast<size_t>(v)]) sources.insert(from.value);
    operands.insert(sources.begin(), sources.end());
  }
  int readers = 0;
  for (int v : operands) {
    for (const Copy& copy : copies_[static_cast<size_t>(v)]) {
      if (placed_[static_cast<size_t>(copy.tensor.id)].storage == storage) ++readers;
    }
  }
  return readers <= 1;
}

Status PlanBuilder::Out(int v, Layout layout, const Tensor* in_place_of, Tensor* tensor) {
  const HaloNeed& need = halo_needs_[static_cast<size_t>(v)];
  const bool blocked = layout == Layout::kBlocked;
  const Tensor wanted = Describe(v, layout, blocked ? need.halo : Halo{});
  const int port = output_port_[static_cast<size_t>(v)];
  if (IsStrip(v)) {
    *tensor = PlaceStrip(v);
  } else if (blocked && shares_[static_cast<size_t>(v)].root != kNone) {
    *tensor = PlaceShare(v);
    LANEWISE_RETURN_IF_ERROR(FillHalo(*tensor, kNone));
  } else if (port != kNone && layout == PortLayoutOf(spec_.outputs[static_cast<size_t>(port)], shape(v))) {
    Storage storage;
    storage.kind = Storage::Kind::kOutput;
    storage.port = port;
    *tensor = Place(wanted, NewStorage(std::move(storage)));
  } else if (in_place_of != nullptr && in_place_of->layout == layout && in_place_of->shape == wanted.shape &&
             in_place_of->type == wanted.type && wanted.halo.empty() && in_place_of->halo.empty() &&
             MayWriteOver(*in_place_of)) {
    *tensor = Place(wanted, placed_[static_cast<size_t>(in_place_of->id)].storage);
  } else {
    Storage storage;
    storage.size = SizeOf(wanted);
    *tensor = Place(wanted, NewStorage(std::move(storage)));
    LANEWISE_RETURN_IF_ERROR(FillHalo(*tensor, need.pad_value));
  }
  copies_[static_cast<size_t>(v)].push_back({*tensor, blocked ? need.pad_value : kNone});
  return Status::Ok();
}

Status PlanBuilder::Alias(int v, const Tensor& source) {
  if (source.layout != Layout::kPlain || !source.halo.empty() || source.type != value(v).type) {
    return Status::Internal(Where() + ": only contiguous elements of one type take another shape");
  }
  const int storage = placed_[static_cast<size_t>(source.id)].storage;
  const Tensor tensor = Place(Describe(v, Layout::kPlain, {}), storage);
  copies_[static_cast<size_t>(v)].push_back({tensor, kNone});
  return Status::Ok();
}

Status PlanBuilder::InScattered(int v, std::vector<PlacedChannel>* channels) {
  channels->clear();
  if (!IsComposed(v) || !DiesHere(v) || output_port_[static_cast<size_t>(v)] != kNone) return Status::Ok();
  std::map<int, Tensor> sources;  // by value
  const std::vector<ValueChannel>& composed = composed_[static_cast<size_t>(v)];
  for (size_t c = 0; c < composed.size(); ++c) {
    const auto [source, is_new] = sources.try_emplace(composed[c].value);
    if (is_new) LANEWISE_RETURN_IF_ERROR(In(composed[c].value, Layout::kBlocked, &source->second));
    channels->push_back({source->second, composed[c].channel, static_cast<int64_t>(c)});
  }
  const Tensor first = channels->front().tensor;
  const bool alike = std::all_of(sources.begin(), sources.end(), [&](const auto& source) {
    return source.second.row_stride == first.row_stride && source.second.pixel_stride == first.pixel_stride;
  });
  if (!alike) {
    channels->clear();
    return Status::Ok();
  }
  std::stable_sort(channels->begin(), channels->end(), [](const PlacedChannel& a, const PlacedChannel& b) {
    return a.tensor.id != b.tensor.id ? a.tensor.id < b.tensor.id : a.at < b.at;
  });
  return Status::Ok();
}

const StepSpec* PlanBuilder::SoleReader(int v) const {
  const int last = last_use_[static_cast<size_t>(v)];
  if (last <= current_index_ || output_port_[static_cast<size_t>(v)] != kNone) return nullptr;
  for (int i = current_index_ + 1; i <= last; ++i) {
    const std::vector<int> read = ReadValues(spec_.steps[static_cast<size_t>(i)]);
    if (std::count(read.begin(), read.end(), v) != (i == last ? 1 : 0)) return nullptr;
  }
  return &spec_.steps[static_cast<size_t>(last)];
}

void PlanBuilder::DeferScale(int v, const Tensor& x, const Tensor& factors) {
  copies_[static_cast<size_t>(v)].push_back({x, kNone});
  deferred_scales_[v] = factors;
}

bool PlanBuilder::DeferredScale(int v, Tensor* factors) {
  const auto found = deferred_scales_.find(v);
  if (found == deferred_scales_.end()) return false;
  Touch(found->second);
  *factors = found->second;
  return true;
}

Status PlanBuilder::Temporary(const Shape& shape, Layout layout, Tensor* tensor) {
  Storage storage;
  const Tensor described = Describe(shape, layout, {});
  storage.size = SizeOf(described);
  *tensor = Place(described, NewStorage(std::move(storage)));
  return Status::Ok();
}

Status PlanBuilder::Pack(int v, const std::string& form, size_t size, Packer packer, std::shared_ptr<Buffer>* packed,
                         std::shared_ptr<PackVerdict> verdict) {
  const int64_t id = value(v).constant_id;
  const float factor = packer.factor();
  const PackCache::Key key{id, factor == 1 ? form : form + " times " + std::to_string(factor)};
  std::shared_ptr<Buffer> buffer;
  if (id != kNone) {
    const auto pending = pending_.find(key);
    buffer = pending == pending_.end() ? packs_.Find(key) : pending->second;
  }
  if (buffer == nullptr || buffer->size() != size) {
    buffer = std::make_shared<Buffer>();
    LANEWISE_RETURN_IF_ERROR(has_many_constants_ ? packs_.Allocate(size, buffer.get())
                                                 : buffer->Allocate(size, /*zeroed=*/true));
    pack_jobs_.push_back({&value(v), std::move(packer), buffer, Where()});
    if (verdict != nullptr) verdicts_.push_back({v, key, Where(), std::move(verdict)});
    if (id != kNone) {
      pending_[key] = buffer;
    } else {
      own_bytes_ += buffer->bytes();
    }
  }
  packed_.push_back(buffer);
  *packed = std::move(buffer);
  return Status::Ok();
}

Status PlanBuilder::PackAll() {
  LANEWISE_RETURN_IF_ERROR(RunPackJobs(pack_jobs_, options_.threads, options_.stop));
  for (const Verdict& v : verdicts_) {
    const Status& status = v.verdict->status();
    if (status.ok()) continue;
    if (status.code == Code::kOutOfMemory || (status.code == Code::kInternal && options_.fail_self_check))
      return {status.code, v.where + ": " + status.message};
    failed_.insert(v.value);
    if (v.key.first == kNone) continue;
    packs_.KeepDirect(v.key.first);
    pending_.erase(v.key);
  }
  packs_.Insert(pending_);
  return Status::Ok();
}

void PlanBuilder::ReserveScratch(size_t floats) { scratch_ = std::max(scratch_, floats); }

void PlanBuilder::Add(std::unique_ptr<Step> step, StepInfo info) {
  if (current_ != nullptr) {
    info.name = current_->name;
    info.op = current_->op;
    if (strip_writer_ != nullptr) step = JoinStrips(std::move(step), &info);
  } else {
    info.op = "output";
  }
  if (halo_fill_ != nullptr) step = MakeParallel(std::move(halo_fill_), std::move(step));
  step->info = std::move(info);
  steps_.push_back(std::move(step));
}

// The step that reads a strip, together with the one that writes it.
std::unique_ptr<Step> PlanBuilder::JoinStrips(std::unique_ptr<Step> reader, StepInfo* info) {
  std::unique_ptr<Step> writer = std::move(strip_writer_);
  const int v = current_->inputs[0];
  info->name = writer->info.name + " > " + info->name;
  info->kernel = writer->info.kernel + " > " + info->kernel;
  info->macs += writer->info.macs;
  info->bytes += writer->info.bytes - 8 * ElementCount(shape(v));
  return MakeStrips(std::move(writer), std::move(reader), copies_[static_cast<size_t>(v)].front().tensor,
                    strips_[static_cast<size_t>(v)], shape(current_->outputs[0]), *this);
}

Status PlanBuilder::BuildStep(const StepSpec& step, int index) {
  current_ = &step;
  current_index_ = index;
  touched_.clear();
  if (!step.inputs.empty() && IsStrip(step.inputs[0])) {
    strip_writer_ = std::move(steps_.back());
    steps_.pop_back();
  }
  const auto build = [&](const auto& spec) -> Status {
    if (kKeepsShape<std::decay_t<decltype(spec)>> && shape(step.inputs[0]) != shape(step.outputs[0]))
      return Status::Invalid(Where() + ": the output has not the shape of the input");
    return Build(spec, step, *this);
  };
  LANEWISE_RETURN_IF_ERROR(std::visit(build, step.spec));
  for (int v : step.outputs) {
    if (copies_[static_cast<size_t>(v)].empty() && !IsComposed(v))
      return Status::Internal(Where() + ": an output was not written");
  }
  const int last = static_cast<int>(steps_.size()) - 1;
  for (int s : touched_) {
    Storage& storage = storages_[static_cast<size_t>(s)];
    storage.last_step = std::max(storage.last_step, last);
  }
  current_ = nullptr;
  return Status::Ok();
}

Status PlanBuilder::Finish() {
  touched_.clear();
  for (size_t i = 0; i < spec_.outputs.size(); ++i) {
    const PortSpec& port = spec_.outputs[i];
    const auto v = static_cast<size_t>(port.value);
    bool written = false;
    for (const Copy& copy : copies_[v]) {
      const Storage& s = storages_[static_cast<size_t>(placed_[static_cast<size_t>(copy.tensor.id)].storage)];
      written = written || (s.kind == Storage::Kind::kOutput && s.port == static_cast<int>(i));
    }
    if (written) continue;
    Tensor source;
    if (copies_[v].empty()) {
      LANEWISE_RETURN_IF_ERROR(In(port.value, LayoutOf(port.value), &source));
    } else {
      source = copies_[v].front().tensor;
    }
    Storage storage;
    storage.kind = Storage::Kind::kOutput;
    storage.port = static_cast<int>(i);
    const Layout layout = port.layout == PortLayout::kNhwc ? Layout::kNhwc : Layout::kPlain;
    if (layout == Layout::kNhwc && shape(port.value).size() != 4) return Status::Invalid("NHWC output needs rank 4");
    const Tensor target = Place(Describe(port.value, layout, {}), NewStorage(std::move(storage)));
    Touch(source);
    StepInfo info;
    info.name = value(port.value).name;
    info.kernel = std::string("reorder ") + ReorderName(source.layout, layout);
    info.bytes = 8 * ElementCount(shape(port.value));
    Add(MakeReorder(source, target, kernels_), info);
  }
  const int last = static_cast<int>(steps_.size());
  for (int s : touched_) storages_[static_cast<size_t>(s)].last_step = last;
  KeepSoleHaloCopies();
  PlaceArena();
  return Status::Ok();
}

void PlanBuilder::KeepSoleHaloCopies() {
  constexpr int kPlacedAndCopied = 2;
  std::set<int> others;
  for (const Storage& s : storages_) {
    if (s.kind == Storage::Kind::kInput && s.uses != kPlacedAndCopied) others.insert(s.port);
  }
  const auto is_other = [&](const HaloCopy& copy) { return others.count(copy.port) > 0; };
  halo_copies_.erase(std::remove_if(halo_copies_.begin(), halo_copies_.end(), is_other), halo_copies_.end());
  for (Storage& s : storages_) {
    if (s.kind == Storage::Kind::kArena && others.count(s.port) > 0) s.port = kNone;
  }
}

// Largest first, each at the lowest offset that is free for its whole life.
void PlanBuilder::PlaceArena() {
  std::vector<int> order;
  for (size_t i = 0; i < storages_.size(); ++i) {
    if (storages_[i].kind == Storage::Kind::kArena) order.push_back(static_cast<int>(i));
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return storages_[static_cast<size_t>(a)].size > storages_[static_cast<size_t>(b)].size;
  });
  constexpr int64_t kLine = kAlignment / sizeof(float);
  std::vector<int> done;
  for (int index : order) {
    Storage& s = storages_[static_cast<size_t>(index)];
    std::vector<std::pair<int64_t, int64_t>> taken;
    for (int other : done) {
      const Storage& o = storages_[static_cast<size_t>(other)];
      if (o.first_step <= s.last_step && s.first_step <= o.last_step) taken.push_back({o.offset, o.offset + o.size});
    }
    std::sort(taken.begin(), taken.end());
    int64_t offset = 0;
    for (const auto& [begin, end] : taken) {
      if (offset + s.size <= begin) break;
      offset = std::max(offset, (end + kLine - 1) / kLine * kLine);
    }
    s.offset = offset;
    arena_size_ = std::max(arena_size_, offset + s.size);
    done.push_back(index);
  }
}

}  // namespace lanewise
