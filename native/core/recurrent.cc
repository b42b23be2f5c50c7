// RNN, GRU and LSTM over a sequence. The products of the inputs with their weights came before, as one matrix product;
// here each step in time adds the product with the last state and applies the cell. A row is one sequence of one
// direction, from its first step to its last.
//
//   gates [S, B, D*g*H], r [D, g*H, H], bias [D, 2*g*H], lengths [B], h0 [D, B, H], c0 [D, B, H], peepholes [D, 3*H]
//   y [S, D, B, H], last h [D, B, H], last c [D, B, H]
#include <algorithm>
#include <string>
#include <utility>

#include "core/build.h"
#include "core/plain_step.h"
#include "core/portable_rows.h"
#include "core/row_loop.h"

namespace lanewise {
namespace {

struct Cell {
  RecurrentSpec spec;
  const KernelTable* kernels = nullptr;
  std::vector<UnaryRow> rows;  // of spec.activations
  int64_t steps = 0, batch = 0, directions = 1, hidden = 0, gates = 1;
  int64_t padded = 0;  // hidden in whole vectors
  Source weights;      // [direction][gate][block][k][lane]

  int64_t blocks() const { return padded / kernels->lanes; }
  int64_t matrix() const { return padded * hidden; }
};

void PackWeights(const Cell& cell, const float* r, float* packed) {
  const int64_t lanes = cell.kernels->lanes;
  for (int64_t matrix = 0; matrix < cell.directions * cell.gates; ++matrix)
    for (int64_t k = 0; k < cell.hidden; ++k)
      for (int64_t row = 0; row < cell.hidden; ++row)
        packed[matrix * cell.matrix() + (row / lanes * cell.hidden + k) * lanes + row % lanes] =
            r[(matrix * cell.hidden + row) * cell.hidden + k];
}

// Weights computed at run time are packed by a step of their own, a direction and gate at a time.
class PackStep final : public Step {
 public:
  PackStep(Cell cell, int r, int packed) : cell_(std::move(cell)), r_(r), packed_(packed) {}
  size_t items() const override { return 1; }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    if (begin < end) PackWeights(cell_, context.Data(r_), context.Data(packed_));
  }

 private:
  Cell cell_;
  int r_, packed_;
};

// One sequence: its state and the sums of its gates, in the thread's scratch.
class Sequence {
 public:
  Sequence(const Cell& cell, const PlainRun& run, int64_t direction, int64_t item)
      : cell_(cell), run_(run), direction_(direction), item_(item), h_(cell.hidden), padded_(cell.padded) {
    float* memory = run.scratch();
    state_ = memory;
    memory_ = state_ + padded_;
    reset_ = memory_ + padded_;
    zero_ = reset_ + padded_;
    sums_ = zero_ + padded_;
    std::fill_n(state_, 4 * padded_, 0.f);
    const int64_t at = (direction * cell.batch + item) * h_;
    std::copy_n(run.x(4) + at, h_, state_);
    std::copy_n(run.x(5) + at, h_, memory_);
    bias_ = run.x(2) + direction * 2 * cell.gates * h_;
    peepholes_ = run.x(6) + direction * 3 * h_;
    weights_ = cell.weights.Data(run.context()) + direction * cell.gates * cell.matrix();
  }

  void Run() {
    const float wanted = run_.x(3)[item_];
    const int64_t steps = cell_.steps;
    const int64_t length =
        wanted < static_cast<float>(steps) ? std::max<int64_t>(0, static_cast<int64_t>(wanted)) : steps;
    const bool backward = cell_.spec.reverse || direction_ == 1;
    for (int64_t i = 0; i < length; ++i) {
      const int64_t t = backward ? length - 1 - i : i;
      inputs_ = run_.x() + ((t * cell_.batch + item_) * cell_.directions + direction_) * cell_.gates * h_;
      if (cell_.spec.kind == RecurrentKind::kLstm)
        Lstm();
      else if (cell_.spec.kind == RecurrentKind::kGru)
        Gru();
      else
        Plain();
      std::copy_n(state_, h_, Out(t));
    }
    for (int64_t t = length; t < steps; ++t) std::fill_n(Out(t), h_, 0.f);
    const int64_t at = (direction_ * cell_.batch + item_) * h_;
    std::copy_n(state_, h_, run_.y(1) + at);
    std::copy_n(memory_, h_, run_.y(2) + at);
  }

 private:
  float* Out(int64_t t) const { return run_.y() + ((t * cell_.directions + direction_) * cell_.batch + item_) * h_; }
  float* Sums(int64_t gate) const { return sums_ + gate * padded_; }
  const float* InputBias(int64_t gate) const { return bias_ + gate * h_; }
  const float* StateBias(int64_t gate) const { return bias_ + (cell_.gates + gate) * h_; }

  void Multiply(int64_t gate, const float* x) const {
    cell_.kernels->dense_row(x, static_cast<size_t>(h_), weights_ + gate * cell_.matrix(), zero_, Sums(gate),
                             static_cast<size_t>(cell_.blocks()));
  }
  // Everything a gate adds up before its function.
  void Sum(int64_t gate, const float* x) const {
    Multiply(gate, x);
    float* sums = Sums(gate);
    const float* in = inputs_ + gate * h_;
    for (int64_t i = 0; i < h_; ++i) sums[i] += in[i] + InputBias(gate)[i] + StateBias(gate)[i];
  }
  void Peep(int64_t gate, int64_t which) const {
    const float* weights = peepholes_ + which * h_;
    for (int64_t i = 0; i < h_; ++i) Sums(gate)[i] += weights[i] * memory_[i];
  }
  void Apply(int which, float* x) const {
    const int64_t per_direction = static_cast<int64_t>(cell_.spec.activations.size()) / cell_.directions;
    const size_t index = static_cast<size_t>(direction_ * per_direction + which);
    const CellFunction& f = cell_.spec.activations[index];
    if (f.before != 1)
      for (int64_t i = 0; i < h_; ++i) x[i] *= f.before;
    cell_.rows[index](x, x, static_cast<size_t>(h_), f.alpha, f.beta);
    if (f.after != 1 || f.shift != 0)
      for (int64_t i = 0; i < h_; ++i) x[i] = x[i] * f.after + f.shift;
  }
  void Activate(int which, int64_t gate) const {
    float* x = Sums(gate);
    const float clip = cell_.spec.clip;
    if (clip > 0)
      for (int64_t i = 0; i < h_; ++i) x[i] = std::min(clip, std::max(-clip, x[i]));
    Apply(which, x);
  }

  void Plain() {
    Sum(0, state_);
    Activate(0, 0);
    std::copy_n(Sums(0), h_, state_);
  }

  void Gru() {
    enum { kUpdate, kReset, kHidden };
    for (int64_t gate : {kUpdate, kReset}) {
      Sum(gate, state_);
      Activate(0, gate);
    }
    const float* reset = Sums(kReset);
    if (cell_.spec.linear_before_reset) {
      Multiply(kHidden, state_);
      float* sums = Sums(kHidden);
      const float* in = inputs_ + kHidden * h_;
      for (int64_t i = 0; i < h_; ++i)
        sums[i] = in[i] + InputBias(kHidden)[i] + reset[i] * (sums[i] + StateBias(kHidden)[i]);
    } else {
      for (int64_t i = 0; i < h_; ++i) reset_[i] = reset[i] * state_[i];
      Sum(kHidden, reset_);
    }
    Activate(1, kHidden);
    for (int64_t i = 0; i < h_; ++i) {
      const float update = Sums(kUpdate)[i];
      state_[i] = (1 - update) * Sums(kHidden)[i] + update * state_[i];
    }
  }

  void Lstm() {
    enum { kInput, kOutput, kForget, kCell };
    for (int64_t gate : {kInput, kOutput, kForget, kCell}) Sum(gate, state_);
    Peep(kInput, 0);
    Peep(kForget, 2);
    Activate(0, kInput);
    if (cell_.spec.input_forget) {
      for (int64_t i = 0; i < h_; ++i) Sums(kForget)[i] = 1 - Sums(kInput)[i];
    } else {
      Activate(0, kForget);
    }
    Activate(1, kCell);
    for (int64_t i = 0; i < h_; ++i) memory_[i] = Sums(kForget)[i] * memory_[i] + Sums(kInput)[i] * Sums(kCell)[i];
    Peep(kOutput, 1);
    Activate(0, kOutput);
    std::copy_n(memory_, h_, state_);
    Apply(2, state_);
    for (int64_t i = 0; i < h_; ++i) state_[i] *= Sums(kOutput)[i];
  }

  const Cell& cell_;
  const PlainRun& run_;
  int64_t direction_, item_, h_, padded_;
  float *state_, *memory_, *reset_, *zero_, *sums_;
  const float *bias_, *peepholes_, *weights_, *inputs_ = nullptr;
};

int64_t GatesOf(RecurrentKind kind) { return kind == RecurrentKind::kLstm ? 4 : kind == RecurrentKind::kGru ? 3 : 1; }
size_t FunctionsOf(RecurrentKind kind) {
  return kind == RecurrentKind::kLstm ? 3 : kind == RecurrentKind::kGru ? 2 : 1;
}

}  // namespace

Status Build(const RecurrentSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const auto shape = [&](size_t i) { return builder.shape(step.inputs[i]); };
  const Shape r = shape(1);
  Cell cell;
  cell.spec = spec;
  cell.kernels = &builder.kernels();
  cell.gates = GatesOf(spec.kind);
  if (r.size() != 3 || shape(0).size() != 3) return Status::Invalid(builder.Where() + ": weights have rank 3");
  cell.steps = shape(0)[0];
  cell.batch = shape(0)[1];
  cell.directions = r[0];
  cell.hidden = r[2];
  const int64_t d = cell.directions, h = cell.hidden, b = cell.batch;
  const Shape states{d, b, h};
  const bool fits = (d == 1 || d == 2) && h > 0 && r[1] == cell.gates * h && shape(0)[2] == d * cell.gates * h &&
                    shape(2) == Shape{d, 2 * cell.gates * h} && shape(3) == Shape{b} && shape(4) == states &&
                    shape(5) == states && shape(6) == Shape{d, 3 * h} &&
                    builder.shape(step.outputs[0]) == Shape{cell.steps, d, b, h} &&
                    builder.shape(step.outputs[1]) == states && builder.shape(step.outputs[2]) == states &&
                    spec.activations.size() == static_cast<size_t>(d) * FunctionsOf(spec.kind);
  if (!fits) return Status::Invalid(builder.Where() + ": weights, states and functions do not fit together");
  for (const CellFunction& f : spec.activations) cell.rows.push_back(RowOf(builder.kernels(), f.fn));
  const int64_t lanes = builder.lanes();
  cell.padded = (h + lanes - 1) / lanes * lanes;
  const int64_t size = d * cell.gates * cell.matrix();
  const int v = step.inputs[1];
  if (builder.IsConstant(v)) {
    LANEWISE_RETURN_IF_ERROR(builder.Pack(
        v, "recurrent in blocks of " + std::to_string(lanes), static_cast<size_t>(size),
        Packer([cell](const float* r, float* packed) { PackWeights(cell, r, packed); }), &cell.weights.constant));
  } else {
    Tensor weights, packed;
    LANEWISE_RETURN_IF_ERROR(builder.In(v, Layout::kPlain, &weights));
    LANEWISE_RETURN_IF_ERROR(builder.Temporary({size}, Layout::kPlain, &packed));
    builder.Add(std::make_unique<PackStep>(cell, weights.id, packed.id), {step.name, step.op, "pack", 0, 8 * size});
    cell.weights.tensor = packed.id;
  }
  builder.ReserveScratch(static_cast<size_t>((4 + cell.gates) * cell.padded));
  const int64_t macs = cell.steps * cell.gates * h * h;
  const auto work = [cell](const PlainRun& run, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) Sequence(cell, run, row / cell.batch, row % cell.batch).Run();
  };
  return AddPlain(step, {d * b, std::max<int64_t>(macs, 1), d * b * macs, "cell"}, work, builder);
}

}  // namespace lanewise
