// What it costs to fill a bounded table in place, against a plain struct and against FlatBuffers'
// builder; and what a loan costs, by the size of the topic. See --help.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench_writer_parts.h"
#include "holler/node.h"

namespace bench {
namespace {

constexpr char kHelp[] =
    R"(usage: bench_writer [--rounds=N] [--domain=N]

Compares, in N rounds (default 2000, at least 61) of short batches that take turns:

  fill   a message of twenty fields (sixteen scalars, two nested tables, a string, a vector of 16
         floats): a plain C++ struct; by the generated writer; by a FlatBufferBuilder that was used
         before. All start from a message in which every field has its default. What that costs the
         struct is seen by a fourth, which has no defaults and must be written whole. Within a
         batch each fills its one place over and over.
  read   every field of what each of the three wrote
  loan   a loan that is given back, on a topic of 6 MiB and on one of 64 bytes

Prints the median of each, the median of the ratios within the rounds, and whether that meets its
target. No exit status depends on a time. The domain (default 4989) keeps it apart from other nodes.
)";

constexpr int kBatch = 500;  // Calls between two looks at the clock.

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "bench_writer: %s\n", what.c_str());
  std::exit(1);
}

// The compiler must have done all that was asked for so far, and know nothing of what follows.
void Barrier(const void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

// ---- What is filled in ----

// Enough of them that no branch and no value can be learnt.
class AllValues {
 public:
  AllValues() {
    for (size_t i = 0; i < values_.size(); ++i) {
      names_[i] = "sensor_" + std::string(i % 24, 'a' + static_cast<char>(i % 26));
      for (size_t k = 0; k < ranges_[i].size(); ++k) ranges_[i][k] = static_cast<float>(i + k);
      const double base = 1 + static_cast<double>(i);
      values_[i] = {.position = {base, base * 2, base * 3},
                    .orientation = {base / 2, base / 3, base / 4, base / 5},
                    .pressure_pa = base * 1000,
                    .altitude_m = base * 10,
                    .latitude = base / 10,
                    .longitude = base / 20,
                    .frame_id = names_[i],
                    .ranges = ranges_[i],
                    .battery_v = static_cast<float>(base),
                    .current_a = static_cast<float>(base / 8),
                    .temperature_c = static_cast<float>(base + 20),
                    .heading = static_cast<float>(base / 60),
                    .throttle = static_cast<float>(base / 100),
                    .armed = i % 2 == 1,
                    .mode = static_cast<uint8_t>(i % 7 + 1),
                    .satellites = static_cast<uint8_t>(i % 12 + 1),
                    .error = static_cast<int16_t>(i % 100 + 1),
                    .frame = static_cast<uint32_t>(i + 1),
                    .uptime_ms = static_cast<int64_t>(i * 10 + 1),
                    .stamp_ns = i * 1000 + 1};
    }
  }
  AllValues(const AllValues&) = delete;
  AllValues& operator=(const AllValues&) = delete;

  const Values& operator[](size_t i) const { return values_[i % values_.size()]; }

 private:
  std::array<Values, 64> values_;
  std::array<std::string, 64> names_;
  std::array<std::array<float, 16>, 64> ranges_;
};

// ---- How it is measured ----

double Median(std::vector<double> all) {
  const auto middle = all.begin() + static_cast<ptrdiff_t>(all.size() / 2);
  std::nth_element(all.begin(), middle, all.end());
  return *middle;
}

// One of the things that are compared.
struct Way {
  const char* name;
  std::function<void(size_t, int)> batch;  // In round so and so, does it that often.
  std::vector<double> times{};             // Nanoseconds a call, by round.
};

// Gives every way a turn; `number` decides which is first.
void Round(size_t number, bool is_warm, std::vector<Way>& ways) {
  for (size_t i = 0; i < ways.size(); ++i) {
    Way& way = ways[(i + number) % ways.size()];
    const auto start = std::chrono::steady_clock::now();
    way.batch(number, kBatch);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    if (is_warm) way.times.push_back(time.count() / kBatch);
  }
}

void Measure(int rounds, std::vector<Way>& ways) {
  const auto count = static_cast<size_t>(rounds);
  const size_t warm_up = count / 10;
  for (size_t i = 0; i < warm_up + count; ++i) Round(i, i >= warm_up, ways);
}

double Ratio(const Way& a, const Way& b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < a.times.size(); ++i) ratios.push_back(a.times[i] / b.times[i]);
  return Median(ratios);
}

void PrintTimes(const std::vector<Way>& ways) {
  for (const Way& way : ways) std::printf("  %-46s %6.1f ns\n", way.name, Median(way.times));
}

void PrintRatio(const char* what, double ratio) { std::printf("  %-46s %6.2f\n", what, ratio); }
void PrintRatio(const char* what, double ratio, const char* target, bool is_met) {
  std::printf("  %-46s %6.2f    target %s: %s\n", what, ratio, target, is_met ? "met" : "MISSED");
}

// ---- What is measured ----

// Where the messages are. Each way has one place in a round, as a builder has that is used again.
// Each round has others: where a message lies relative to all else makes a difference of a third.
constexpr size_t kPlaces = 61;
struct Places {
  PlainState plain;
  StateSlot slot;
  StateWriter writer{};
  flatbuffers::FlatBufferBuilder builder{};
};

const State& BuiltIn(const Places& place) {
  return *flatbuffers::GetRoot<State>(place.builder.GetBufferPointer());
}

// All that were written hold the same.
void CompareReading(const std::vector<Places>& places) {
  for (const Places& place : places) {
    const double expected = Read(place.plain);
    if (Read(place.writer.message()) != expected || Read(BuiltIn(place)) != expected) {
      Die("the messages differ");
    }
  }
}

void Fill(int rounds, std::vector<Places>& places) {
  const auto all = std::make_unique<AllValues>();
  const auto filling = [&](auto fill) {
    return [&places, &all, fill](size_t round, int count) {
      Places& place = places[round % places.size()];
      for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
        if (!fill((*all)[i], place)) Die("something does not fit");
        Barrier(&place);
      }
    };
  };
  std::vector<Way> ways = {
      {"plain struct, from its defaults",
       filling([](const auto& values, Places& to) { return FillFresh(values, to.plain); })},
      {"generated writer", filling([](const auto& values, Places& to) {
         return Fill(values, to.slot.payload, to.writer);
       })},
      {"FlatBufferBuilder, reused",
       filling([](const auto& values, Places& to) { return Fill(values, to.builder); })},
      {"plain struct, over whatever was there",
       filling([](const auto& values, Places& to) { return Fill(values, to.plain); })},
  };
  Measure(rounds, ways);
  std::printf("fill a message of 20 fields\n");
  PrintTimes(ways);
  const double to_plain = Ratio(ways[1], ways[0]);
  const double to_builder = Ratio(ways[2], ways[1]);
  PrintRatio("generated writer / plain struct", to_plain, "<= 1.3", to_plain <= 1.3);
  PrintRatio("FlatBufferBuilder / generated writer", to_builder, ">= 8", to_builder >= 8);
  const double to_unset = Ratio(ways[1], ways[3]);
  PrintRatio("generated writer / struct over what was there", to_unset, "<= 1.3", to_unset <= 1.3);
}

// Of messages that were filled.
void Read(int rounds, const std::vector<Places>& places) {
  double sum = 0;
  const auto reading = [&](auto message_of) {
    return [&sum, &places, message_of](size_t round, int count) {
      const auto& message = message_of(places[round % places.size()]);
      for (int i = 0; i < count; ++i) {
        sum += Read(message);
        Barrier(&message);
      }
    };
  };
  std::vector<Way> ways = {
      {"plain struct", reading([](const Places& from) -> auto& { return from.plain; })},
      {"generated writer's message",
       reading([](const Places& from) -> auto& { return from.writer.message(); })},
      {"FlatBufferBuilder's message",
       reading([](const Places& from) -> auto& { return BuiltIn(from); })},
  };
  Measure(rounds, ways);
  Barrier(&sum);
  std::printf("\nread it\n");
  PrintTimes(ways);
  PrintRatio("generated writer's / plain struct", Ratio(ways[1], ways[0]));
  PrintRatio("generated writer's / FlatBufferBuilder's", Ratio(ways[1], ways[2]));
}

template <typename Publisher>
Publisher CreateOrDie(holler::Node& node) {
  auto publisher = Publisher::Create(node);
  if (!publisher.ok()) Die(publisher.status().ToString());
  return *std::move(publisher);
}

void Loan(int rounds, uint32_t domain) {
  auto node = holler::Node::Create({.name = "bench_writer", .domain = domain});
  if (!node.ok()) Die(node.status().ToString());
  auto large = CreateOrDie<LargeImagePublisher>(*node);
  auto small = CreateOrDie<SmallImagePublisher>(*node);
  const auto lending = [](auto& publisher) {
    return [&publisher](size_t /*round*/, int count) {
      for (int i = 0; i < count; ++i) {
        auto loan = publisher.Loan();
        if (!loan) Die("there is no loan");
        Barrier(&loan->message());
      }
    };
  };
  std::vector<Way> ways = {
      {"topic of 64 bytes", lending(small)},
      {"topic of 6 MiB", lending(large)},
  };
  Measure(rounds, ways);
  std::printf("\nloan a message, and give it back\n");
  PrintTimes(ways);
  const double ratio = Ratio(ways[1], ways[0]);
  PrintRatio("6 MiB / 64 bytes", ratio, "0.8 to 1.2", ratio >= 0.8 && ratio <= 1.2);
}

// ---- The command line ----

template <typename Value>
bool Parse(std::string_view text, Value* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

int Main(int argc, char** argv) {
  constexpr int kFewestRounds = static_cast<int>(kPlaces);
  int rounds = 2000;
  uint32_t domain = 4989;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    const std::string_view value = argument.substr(argument.find('=') + 1);
    if (argument.starts_with("--rounds=") && Parse(value, &rounds) && rounds >= kFewestRounds)
      continue;
    if (argument.starts_with("--domain=") && Parse(value, &domain)) continue;
    std::fprintf(stderr, "bench_writer: bad argument '%s'\n%s", argv[i], kHelp);
    return 2;
  }
  std::printf("%d rounds of batches of %d; medians\n\n", rounds, kBatch);
  std::vector<Places> places(kPlaces);
  Fill(rounds, places);
  CompareReading(places);
  Read(rounds, places);
  Loan(rounds, domain);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main(argc, argv); }
