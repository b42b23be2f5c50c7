// Strassen's form of 1x1 convolutions through whole plans against the definition in double: every ISA, tiles that end
// anywhere, with and without halos, epilogues, threads.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/conv.h"
#include "cpu/features.h"
#include "form_convolution.h"
#include "guarded_buffer.h"

namespace lanewise::test {
namespace {

constexpr ConvForm kForm{ConvForm::kStrassen};

// A of ErrorBound from the sums of quarters in each product: over the products of an output, the squares of how many
// quarters of pixels and of weights are added.
double Amplification() {
  const double products_of_c22[][2] = {{1, 1}, {3, 3}, {2, 2}, {2, 2}};
  double squares = 0;
  for (const auto& [pixels, weights] : products_of_c22) squares += pixels * weights;
  return std::sqrt(squares);
}

TEST(StrassenSumsOfPixels) {
  for (const KernelTable* kernels : Tables()) {
    const auto lanes = static_cast<size_t>(kernels->lanes);
    for (const Guard guard : kBothGuards) {
      for (size_t vectors = 0; vectors <= 9; ++vectors) {
        const size_t n = vectors * lanes, stride = n + lanes;
        Random random(vectors);
        GuardedBuffer first(2 * n, guard), second(2 * n, guard), sums(3 * stride + n, guard);
        for (size_t i = 0; i < 2 * n; ++i) {
          first.data()[i] = static_cast<float>(random.Below(100));
          second.data()[i] = static_cast<float>(random.Below(100));
        }
        const auto offset = [](size_t floats) { return static_cast<ptrdiff_t>(floats); };
        kernels->strassen_sums({first.data(), second.data(), offset(n), 0, sums.data(), offset(stride), n});
        for (size_t i = 0; i < n; ++i) {
          const float a11 = first.data()[i], a12 = first.data()[n + i];
          const float a21 = second.data()[i], a22 = second.data()[n + i];
          const float want[] = {a21 + a22, a21 + a22 - a11, a11 - a21, a12 - a21 - a22 + a11};
          for (size_t s = 0; s < 4; ++s) {
            CHECK(sums.data()[s * stride + i] == want[s], "%s: sum %zu of %zu, element %zu", kernels->isa, s, n, i);
          }
        }
        for (size_t s = 0; s < 3; ++s) {
          for (size_t i = n; i < stride; ++i) CHECK(IsPoison(sums.data()[s * stride + i]), "%s: between", kernels->isa);
        }
      }
    }
  }
}

TEST(StrassenAgainstDouble) {
  const Geometry geometries[] = {
      {1, 32, 64, 2, 1},    // a pixel and its partner
      {1, 64, 64, 14, 14},  // a tile a row
      {2, 96, 128, 6, 5},  {1, 32, 192, 4, 9},  {3, 64, 64, 10, 3},    {1, 160, 64, 28, 13},
      {1, 64, 128, 2, 29}, {1, 416, 64, 12, 7}, {1, 1024, 64, 32, 20},  // blocks of tiles
  };
  for (const KernelTable* kernels : Tables()) {
    double worst = 0;
    size_t variant = 0;
    for (Geometry g : geometries) {
      g.kernel = 1;
      if (QuickLevel() && g.c > 200) continue;
      for (const Readers readers : {Readers::kPlain, Readers::kPadding}) {
        // Activations in turn: each meets every kind of reader.
        for (size_t i = 0; i < (QuickLevel() ? 1 : 3); ++i) {
          FormConvolution convolution(g, variant++, Epilogues::kAddedBefore, readers);
          const auto bound = [&](int64_t channel, int64_t, int64_t) {
            const double norm = convolution.Norm(channel), partner = convolution.Norm(channel ^ 32);
            return FormBound(g.c, Amplification(), std::hypot(norm, partner));
          };
          for (const int threads : {1, 3}) {
            worst = std::max(worst, convolution.Check(*kernels, FormOptions(kForm, threads), "strassen", bound));
          }
        }
      }
    }
    std::printf("  %-8s at %.2f of the bound\n", kernels->isa, worst);
  }
}

// Halves are the same, however an ISA or the number of threads cuts tiles and blocks.
TEST(StrassenHasTheSameBits) {
  size_t variant = 0;
  for (const Shape& pixels : {Shape{14, 14}, Shape{6, 5}, Shape{28, 28}, Shape{2, 31}}) {
    for (const Readers readers : {Readers::kPlain, Readers::kPadding}) {
      const Geometry g = {1, 128, 128, pixels[0], pixels[1], {}, 1};
      FormConvolution convolution(g, 12 * variant++, Epilogues::kAddedBefore, readers);  // no activation
      const auto any = [](int64_t, int64_t, int64_t) { return 1.; };                     // the test above has the bound
      std::vector<float> fused;
      for (const KernelTable* kernels : Tables()) {
        std::vector<float> own;
        for (const int threads : {1, 2, 3, 7}) {
          convolution.Check(*kernels, FormOptions(kForm, threads), "strassen", any);
          std::vector<float>& same = IsFused(*kernels) ? fused : own;
          if (same.empty()) same = convolution.outputs();
          CHECK(std::memcmp(same.data(), convolution.outputs().data(), same.size() * sizeof(float)) == 0,
                "%s, %d threads: other bits of %dx%d", kernels->isa, threads, static_cast<int>(g.h),
                static_cast<int>(g.w));
        }
      }
    }
  }
}

TEST(StrassenFitsWhereThereAreHalves) {
  const KernelTable& kernels = *Tables().front();
  const auto fits = [&](const ConvExtents& e, const Conv2dSpec& spec) { return Fits(kForm, spec, e, kernels); };
  // n c h w, o kh kw, oh ow, groups inputs outputs
  const ConvExtents good = {1, 64, 14, 13, 64, 1, 1, 14, 13, 1, 64, 64};
  CHECK(fits(good, {}));
  struct {
    const char* what;
    void (*change)(ConvExtents*, Conv2dSpec*);
  } const changes[] = {
      {"odd rows", [](ConvExtents* e, Conv2dSpec*) { e->h = e->oh = 13; }},
      {"no rows", [](ConvExtents* e, Conv2dSpec*) { e->h = e->oh = 0; }},
      {"half a group of inputs", [](ConvExtents* e, Conv2dSpec*) { e->c = e->group_inputs = 48; }},
      {"half a group of outputs", [](ConvExtents* e, Conv2dSpec*) { e->o = e->group_outputs = 96; }},
      {"a larger kernel", [](ConvExtents* e, Conv2dSpec*) { e->kw = 3; }},
      {"groups", [](ConvExtents* e, Conv2dSpec*) { e->groups = 2; }},
      {"a stride",
       [](ConvExtents*, Conv2dSpec* spec) {
         spec->strides = {2, 2};
       }},
      {"a border",
       [](ConvExtents* e, Conv2dSpec* spec) {
         spec->pads = {1, 0, 0, 0}, e->oh += 2;
       }},
      {"a scale", [](ConvExtents*, Conv2dSpec* spec) { spec->epilogue.scale = 1; }},
      {"a gate", [](ConvExtents*, Conv2dSpec* spec) { spec->epilogue.gate = 1; }},
      {"a late sum", [](ConvExtents*, Conv2dSpec* spec) { spec->epilogue.add_after_activation = true; }},
  };
  for (const auto& change : changes) {
    ConvExtents e = good;
    Conv2dSpec spec;
    change.change(&e, &spec);
    CHECK(!fits(e, spec), "%s", change.what);
  }
}

// Where the products of a vector take a cycle, layers of which there is no doubt, whatever the caches.
TEST(StrassenIsChosenWhereItPays) {
  const struct {
    int64_t c, o, size;
    bool pays;
  } layers[] = {{512, 512, 14, true}, {1024, 256, 14, true}, {256, 256, 28, true},
                {512, 512, 7, false}, {64, 64, 56, false},   {512, 512, 2, false}};
  for (const KernelTable* kernels : Tables()) {
    const bool slow_products = kernels->lanes == 16 && DetectedFeatures().avx512_in_halves;
    for (const auto& l : layers) {
      const ConvExtents e = {1, l.c, l.size, l.size, l.o, 1, 1, l.size, l.size, 1, l.c, l.o};
      if (kernels->matrix != nullptr) continue;  // takes all of them
      const bool chosen = ChooseForm({}, e, *kernels).kind == ConvForm::kStrassen;
      CHECK(chosen == (l.pays && slow_products), "%s %d -> %d at %d", kernels->isa, static_cast<int>(l.c),
            static_cast<int>(l.o), static_cast<int>(l.size));
    }
  }
}

}  // namespace
}  // namespace lanewise::test
