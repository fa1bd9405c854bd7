// Shuffles, votes, moves, branches and tensor cores.
#include "kernels/software_gpu/options.h"
#include "tests/child.h"
#include "tests/kernels/software_gpu/ptx.h"

namespace xr::tests {

namespace {

/// One warp; every lane stores %r10 at its place, and %r11 at 32 further.
std::vector<u32> run_warp_body(const std::string& body, u32 threads = 32) {
  DeviceArray<u32> result{std::vector<u32>(2 * threads)};
  run_module(
      module_of("\tmov.u32 %r11, 0;\n" + body + address_of<u32>(0) + "\tst.global.u32 [%rd20], %r10;\n" +
                "\tst.global.u32 [%rd20+" + std::to_string(4 * threads) + "], %r11;\n"),
      {result.begin()}, 1, threads);
  return result.values();
}

struct ShuffleResult {
  int from;
  bool inside;
};

/// The pseudocode of shfl.sync in the PTX ISA.
ShuffleResult defined_shuffle(const std::string& mode, int lane, int b, int c) {
  const int bval = b & 0x1f, cval = c & 0x1f, mask = c >> 8 & 0x1f;
  const int max_lane = (lane & mask) | (cval & ~mask), min_lane = lane & mask;
  int j = 0;
  bool p = false;
  if (mode == "up") j = lane - bval, p = j >= max_lane;
  if (mode == "down") j = lane + bval, p = j <= max_lane;
  if (mode == "bfly") j = lane ^ bval, p = j <= max_lane;
  if (mode == "idx") j = min_lane | (bval & ~mask), p = j <= max_lane;
  return {p ? j : lane, p};
}

}  // namespace

TEST_CASE("shuffles") {
  for (const std::string mode : {"up", "down", "bfly", "idx"})
    for (const int width : {32, 16, 8, 4, 2})
      for (const int b : {0, 1, 2, 3, 7, 8, 15, 16, 31})
        for (const int clamp : {0, 5, 31}) {
          const int c = (32 - width) << 8 | clamp;
          const auto result = run_warp_body("\tadd.u32 %r4, %r1, 100;\n\tshfl.sync." + mode +
                                            ".b32 %r10|%p0, %r4, " + std::to_string(b) + ", " +
                                            std::to_string(c) + ", -1;\n\tselp.u32 %r11, 1, 0, %p0;\n");
          bool right = true;
          for (int lane = 0; lane < 32; ++lane) {
            const ShuffleResult expected = defined_shuffle(mode, lane, b, c);
            right = right &&
                    result[static_cast<std::size_t>(lane)] == static_cast<u32>(100 + expected.from) &&
                    result[static_cast<std::size_t>(32 + lane)] == static_cast<u32>(expected.inside);
          }
          INFO("shfl.sync." << mode << " by " << b << " within " << width << ", clamp " << clamp);
          CHECK(right);
        }
}

// Lanes 0 to 15 and 16 to 31 vote apart.
TEST_CASE("votes") {
  const std::string begin =
      "\tsetp.lt.u32 %p1, %r1, 16;\n\tselp.b32 %r5, 65535, -65536, %p1;\n\tmul.lo.u32 %r6, %r1, %r1;\n"
      "\tand.b32 %r7, %r6, 12;\n\tsetp.eq.u32 %p2, %r7, 0;\n\tsetp.ge.u32 %p3, %r1, 16;\n";
  u32 set = 0;
  for (u32 lane = 0; lane < 32; ++lane) set |= ((lane * lane & 12) == 0 ? 1u : 0u) << lane;
  const auto value = [&](const std::string& vote, const char* predicate) {
    return run_warp_body(begin + "\tvote.sync." + vote + ".pred %p4, " + predicate +
                         ", %r5;\n\tselp.u32 %r10, 1, 0, %p4;\n");
  };
  const auto expect = [&](const std::string& vote, const char* predicate, u32 low, u32 high) {
    const auto result = value(vote, predicate);
    INFO(vote << " of " << predicate);
    CHECK(result[0] == low);
    CHECK(result[15] == low);
    CHECK(result[16] == high);
    CHECK(result[31] == high);
  };
  expect("any", "%p3", 0, 1);
  expect("all", "%p3", 0, 1);
  expect("uni", "%p3", 1, 1);
  expect("any", "%p2", 1, 1);
  expect("all", "%p2", 0, 0);
  expect("uni", "%p2", 0, 0);
  const auto ballots = run_warp_body(begin + "\tvote.sync.ballot.b32 %r10, %p2, %r5;\n");
  CHECK(ballots[3] == (set & 0xffff));
  CHECK(ballots[20] == (set & 0xffff0000));
  const auto active =
      run_warp_body("\tmov.u32 %r10, 0;\n\tsetp.lt.u32 %p1, %r1, 5;\n\t@%p1 activemask.b32 %r10;\n");
  CHECK(active[4] == 31);
  CHECK(active[5] == 0);
}

TEST_CASE("special registers") {
  for (const auto& [name, value] : std::initializer_list<std::pair<std::string, std::function<u32(u32)>>>{
           {"%tid.x", [](u32 t) { return t; }},
           {"%tid.y", [](u32) { return 0u; }},
           {"%ntid.x", [](u32) { return 64u; }},
           {"%ctaid.x", [](u32) { return 0u; }},
           {"%nctaid.x", [](u32) { return 1u; }},
           {"%laneid", [](u32 t) { return t % 32; }},
           {"%warpid", [](u32 t) { return t / 32; }},
           {"%nwarpid", [](u32) { return 2u; }},
           {"%lanemask_eq", [](u32 t) { return 1u << t % 32; }},
           {"%lanemask_lt", [](u32 t) { return static_cast<u32>((u64{1} << t % 32) - 1); }},
           {"%lanemask_le", [](u32 t) { return static_cast<u32>((u64{2} << t % 32) - 1); }},
           {"%lanemask_gt", [](u32 t) { return ~static_cast<u32>((u64{2} << t % 32) - 1); }},
           {"%lanemask_ge", [](u32 t) { return ~static_cast<u32>((u64{1} << t % 32) - 1); }}}) {
    const auto result = run_warp_body("\tmov.u32 %r10, " + name + ";\n", 64);
    INFO(name);
    for (u32 t = 0; t < 64; ++t) CHECK(result[t] == value(t));
  }
}

// Each thread stores its place and its block's at its number.
TEST_CASE("special registers of three dimensions") {
  constexpr u32 grid[] = {2, 3, 2}, block[] = {4, 3, 2}, threads = 24;
  std::string body = "\tmov.u32 %r4, 0;\n\tmov.u32 %r5, 0;\n\tmov.u32 %r6, 0;\n\tmov.u32 %r7, 0;\n";
  for (const char axis : {'z', 'y', 'x'}) {
    const auto next = [&](const std::string& sum, const std::string& factor, const std::string& special) {
      return "\tmov.u32 %r8, " + special + "." + axis + ";\n\tmov.u32 %r9, " + factor + ";\n\tmad.lo.u32 " +
             sum + ", " + sum + ", %r9, %r8;\n";
    };
    body += next("%r4", std::string("%ntid.") + axis, "%tid") +
            next("%r5", std::string("%nctaid.") + axis, "%ctaid") + next("%r6", "10", "%tid") +
            next("%r7", "10", "%ctaid");
  }
  body +=
      "\tmad.lo.u32 %r4, %r5, " + std::to_string(threads) +
      ", %r4;\n\tmad.lo.u32 %r6, %r7, 1000, %r6;\n\tmad.wide.u32 %rd4, %r4, 4, %rd0;\n\tst.global.u32 [%rd4], %r6;\n";
  const DeviceArray<u32> places{std::vector<u32>(12 * threads)};
  const std::unique_ptr<Kernel> kernel = decode(module_of(body), "test");
  Launch launch{.kernel = kernel.get(),
                .grid = {grid[0], grid[1], grid[2]},
                .block = {block[0], block[1], block[2]},
                .parameters = std::vector<u8>(kernel->parameter_bytes)};
  const u64 begin = places.begin();
  std::memcpy(launch.parameters.data(), &begin, sizeof begin);
  execute(launch);
  const auto digits = [](u32 index, const u32(&extent)[3]) {
    return index / extent[0] / extent[1] * 100 + index / extent[0] % extent[1] * 10 + index % extent[0];
  };
  for (u32 i = 0; i < 12 * threads; ++i)
    CHECK(places.values()[i] == digits(i / threads, grid) * 1000 + digits(i % threads, block));
}

TEST_CASE("moves of vectors and predicates") {
  const auto halves = run_warp_body(
      "\tadd.u32 %r4, %r1, 305397760;\n\tmov.b32 {%rs1, %rs2}, %r4;\n\tmov.b32 %r10, {%rs2, %rs1};\n"
      "\tmov.b64 %rd5, {%r4, %r1};\n\tmov.b64 {%r6, %r7}, %rd5;\n\tsub.u32 %r11, %r6, %r7;\n");
  const auto one_half = run_warp_body(
      "\tadd.u32 %r4, %r1, 305397760;\n\tmov.b32 {_, %rs2}, %r4;\n\tcvt.u32.u16 %r10, %rs2;\n"
      "\tmov.b32 {%rs1, _}, %r4;\n\tcvt.u32.u16 %r11, %rs1;\n");
  for (u32 lane = 0; lane < 32; ++lane) {
    const u32 whole = 305397760 + lane;
    CHECK(halves[lane] == (whole << 16 | whole >> 16));
    CHECK(halves[32 + lane] == whole - lane);
    CHECK(one_half[lane] == whole >> 16);
    CHECK(one_half[32 + lane] == (whole & 0xffff));
  }
  const auto logic = run_warp_body(
      "\tand.b32 %r4, %r1, 1;\n\tsetp.ne.u32 %p0, %r4, 0;\n\tand.b32 %r4, %r1, 2;\n\tsetp.ne.u32 %p1, %r4, 0;\n"
      "\tand.pred %p2, %p0, %p1;\n\tor.pred %p3, %p0, %p1;\n\txor.pred %p4, %p0, %p1;\n\tnot.pred %p5, %p0;\n"
      "\tmov.pred %p6, %p1;\n\tmov.u32 %r10, 0;\n\t@%p2 add.u32 %r10, %r10, 1;\n\t@%p3 add.u32 %r10, %r10, 2;\n"
      "\t@%p4 add.u32 %r10, %r10, 4;\n\t@%p5 add.u32 %r10, %r10, 8;\n\t@!%p6 add.u32 %r10, %r10, 16;\n");
  for (u32 lane = 0; lane < 32; ++lane) {
    const bool p = (lane & 1) != 0, q = (lane & 2) != 0;
    CHECK(logic[lane] == (p && q) + 2u * (p || q) + 4u * (p != q) + 8u * !p + 16u * !q);
  }
}

TEST_CASE("guarded instructions leave the predicates of other lanes") {
  const auto result = run_warp_body(
      "\tsetp.lt.u32 %p0, %r1, 16;\n\tand.b32 %r4, %r1, 1;\n\tsetp.ne.u32 %p1, %r4, 0;\n\tsetp.ge.u32 %p2, %r1, 32;\n"
      "\tmov.pred %p3, %p1;\n\t@%p0 not.pred %p3, %p3;\n\t@%p0 setp.lt.u32 %p2, %r1, 8;\n"
      "\tselp.u32 %r10, 1, 0, %p3;\n\tselp.u32 %r11, 1, 0, %p2;\n");
  for (u32 lane = 0; lane < 32; ++lane) {
    CHECK(result[lane] == (lane < 16 ? lane % 2 == 0 : lane % 2 != 0));
    CHECK(result[32 + lane] == (lane < 8));
  }
}

// Each lane loops as often as its number says, half of them leave early, and all meet at the shuffle.
TEST_CASE("lanes that part and meet") {
  const auto result = run_warp_body(
      "\tmov.u32 %r10, 0;\n\tmov.u32 %r4, 0;\nloop:\n\tsetp.ge.u32 %p0, %r4, %r1;\n\t@%p0 bra after;\n"
      "\tadd.u32 %r10, %r10, %r4;\n\tadd.u32 %r4, %r4, 1;\n\tbra.uni loop;\nafter:\n"
      "\tshfl.sync.bfly.b32 %r11, %r10, 1, 31, -1;\n");
  for (u32 lane = 0; lane < 32; ++lane) {
    CHECK(result[lane] == lane * (lane - 1) / 2);
    CHECK(result[32 + lane] == (lane ^ 1) * ((lane ^ 1) - 1) / 2);
  }
}

// The lanes of both ways are together again behind them.
TEST_CASE("lanes that part and go on together") {
  const auto result = run_warp_body(
      "\tsetp.lt.u32 %p0, %r1, 16;\n\t@%p0 bra low;\n\tadd.u32 %r10, %r1, 100;\n\tbra.uni after;\nlow:\n"
      "\tadd.u32 %r10, %r1, 200;\nafter:\n\tactivemask.b32 %r11;\n");
  for (u32 lane = 0; lane < 32; ++lane) {
    CHECK(result[lane] == lane + (lane < 16 ? 200 : 100));
    CHECK(result[32 + lane] == 0xffffffff);
  }
}

// Half of the lanes wait at the barrier when the others end.
TEST_CASE("lanes that wait for lanes that end") {
  const DeviceArray<u32> result{std::vector<u32>(32)};
  run_module(
      module_of("\tsetp.ge.u32 %p0, %r1, 16;\n\t@%p0 bra other;\n\tbar.sync 0;\n\tmov.u32 %r10, 1;\n" +
                address_of<u32>(0) + "\tst.global.u32 [%rd20], %r10;\n\tret;\nother:\n\tmov.u32 %r10, 2;\n" +
                address_of<u32>(0) + "\tst.global.u32 [%rd20], %r10;\n"),
      {result.begin()}, 1, 32);
  for (std::size_t lane = 0; lane < 32; ++lane) CHECK(result.values()[lane] == (lane < 16 ? 1 : 2));
}

namespace {

/// Fragments as the PTX ISA draws them: one warp loads each register of a lane from memory.
std::vector<float> run_mma(const std::string& shape, const std::vector<u32>& a, const std::vector<u32>& b,
                           const std::vector<float>& c) {
  std::string body =
      "\tshl.b32 %r4, %r1, 4;\n\tshl.b32 %r5, %r1, 3;\n\tcvt.u64.u32 %rd4, %r4;\n\tcvt.u64.u32 %rd5, %r5;\n"
      "\tadd.u64 %rd6, %rd1, %rd4;\n\tadd.u64 %rd7, %rd2, %rd5;\n\tadd.u64 %rd8, %rd3, %rd4;\n"
      "\tadd.u64 %rd9, %rd0, %rd4;\n\tld.global.v4.u32 {%r10, %r11, %r12, %r13}, [%rd6];\n"
      "\tld.global.v2.u32 {%r14, %r15}, [%rd7];\n\tld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%rd8];\n"
      "\tmma.sync.aligned." +
      shape +
      " {%f4, %f5, %f6, %f7}, {%r10, %r11, %r12, %r13}, {%r14, %r15}, {%f0, %f1, %f2, %f3};\n"
      "\tst.global.v4.f32 [%rd9], {%f4, %f5, %f6, %f7};\n";
  DeviceArray<float> d{std::vector<float>(128)};
  const DeviceArray<u32> a_array{a}, b_array{b};
  const DeviceArray<float> c_array{c};
  run_module(module_of(body), {d.begin(), a_array.begin(), b_array.begin(), c_array.begin()}, 1, 32);
  return d.values();
}

/// Where element (row, column) of the 16 x 8 accumulator lies: lane and register.
std::size_t place_of_result(int row, int column) {
  return static_cast<std::size_t>(4 * (row % 8 * 4 + column / 2) + row / 8 * 2 + column % 2);
}

/// d = a (16 x K) b (K x 8) + c, of whole numbers that floats hold.
template <int K>
void check_product(const double (&a)[16][K], const double (&b)[K][8], const double (&c)[16][8],
                   const std::vector<float>& d) {
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      double sum = c[row][column];
      for (int k = 0; k < K; ++k) sum += a[row][k] * b[k][column];
      CHECK(static_cast<double>(d[place_of_result(row, column)]) == sum);
    }
}

}  // namespace

TEST_CASE("mma m16n8k8 tf32") {
  std::vector<u32> a(128), b(64);
  std::vector<float> c(128);
  double am[16][8], bm[8][8], cm[16][8];
  u32 state = 1;
  const auto next = [&] {
    return static_cast<float>(static_cast<int>((state = state * 1664525 + 1013904223) >> 24) - 128);
  };
  for (int row = 0; row < 16; ++row)
    for (int k = 0; k < 8; ++k) {
      const float value = next();
      am[row][k] = static_cast<double>(value);
      // a0: row of the group, a1: 8 rows further; a2, a3: 4 columns further. The low 13 bits are ignored.
      a[static_cast<std::size_t>(4 * (row % 8 * 4 + k % 4) + row / 8 + k / 4 * 2)] =
          std::bit_cast<u32>(value) | 0x1abc;
    }
  for (int k = 0; k < 8; ++k)
    for (int column = 0; column < 8; ++column) {
      const float value = next();
      bm[k][column] = static_cast<double>(value);
      b[static_cast<std::size_t>(2 * (column * 4 + k % 4) + k / 4)] = std::bit_cast<u32>(value) | 0x1001;
    }
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column)
      cm[row][column] = static_cast<double>(c[place_of_result(row, column)] = next());
  const auto d = run_mma("m16n8k8.row.col.f32.tf32.tf32.f32", a, b, c);
  check_product(am, bm, cm, d);
}

TEST_CASE("mma m16n8k16 bf16") {
  std::vector<u32> a(128), b(64);
  std::vector<float> c(128);
  double am[16][16], bm[16][8], cm[16][8];
  u32 state = 2;
  const auto next = [&] {
    return static_cast<float>(static_cast<int>((state = state * 1664525 + 1013904223) >> 24) - 128);
  };
  const auto put = [](u32& to, int half, float value) {
    to |= std::bit_cast<u32>(value) >> 16 << (16 * half);
  };
  for (int row = 0; row < 16; ++row)
    for (int k = 0; k < 16; ++k) {
      const float value = next();
      am[row][k] = static_cast<double>(value);
      put(a[static_cast<std::size_t>(4 * (row % 8 * 4 + k % 8 / 2) + row / 8 + k / 8 * 2)], k % 2, value);
    }
  for (int k = 0; k < 16; ++k)
    for (int column = 0; column < 8; ++column) {
      const float value = next();
      bm[k][column] = static_cast<double>(value);
      put(b[static_cast<std::size_t>(2 * (column * 4 + k % 8 / 2) + k / 8)], k % 2, value);
    }
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column)
      cm[row][column] = static_cast<double>(c[place_of_result(row, column)] = next());
  const auto d = run_mma("m16n8k16.row.col.f32.bf16.bf16.f32", a, b, c);
  check_product(am, bm, cm, d);
}

// A sum that no float holds: 1 + 2^-24 + 2^-25, on either side of zero. XR_GPU_MMA says what becomes of it.
TEST_CASE("how tensor cores round") {
  for (const float sign : {1.0f, -1.0f}) {
    std::vector<u32> a(128), b(64);
    const float first = sign * 0x1p-24f, second = sign * 0x1p-25f, one = 1;
    a[0] = std::bit_cast<u32>(first);   // row 0, k 0
    a[4] = std::bit_cast<u32>(second);  // row 0, k 1
    b[0] = b[2] = std::bit_cast<u32>(one);
    std::vector<float> c(128);
    c[0] = sign;
    const auto d = run_mma("m16n8k8.row.col.f32.tf32.tf32.f32", a, b, c);
    const bool nearest = options().sum == Options::Sum::nearest;
    CHECK(d[0] == sign * (nearest ? 1 + std::numeric_limits<float>::epsilon() : 1.0f));
  }
}

namespace {

/// 1 + terms times term, which take a whole row of a and column of b, as text.
std::string sum_beside_one(int terms, float term) {
  std::vector<u32> a(128), b(64);
  const float one = 1;
  for (std::size_t k = 0; k < static_cast<std::size_t>(terms); ++k) {
    a[4 * (k % 4) + k / 4 * 2] = std::bit_cast<u32>(term);
    b[2 * (k % 4) + k / 4] = std::bit_cast<u32>(one);
  }
  std::vector<float> c(128);
  c[0] = 1;
  const float sum = run_mma("m16n8k8.row.col.f32.tf32.tf32.f32", a, b, c)[0];
  return std::to_string(static_cast<int>(std::ldexp(sum - 1, 23))) + " ";
}

/// In units of the last place of 1.
std::string sum_small_terms() {
  return sum_beside_one(8, 0x1p-26f) + sum_beside_one(7, 0x1.8p-26f) + sum_beside_one(7, 0x1p-25f);
}

const Rerun summing{"sum_small_terms", sum_small_terms};

}  // namespace

// With 26 bits kept below the largest term, 2^-26 counts beside 1 and half of it does not.
TEST_CASE("how tensor cores align terms") {
  CHECK(rerun("sum_small_terms", "XR_GPU_MMA=aligned") == "1 0 1 ");
  CHECK(rerun("sum_small_terms", "XR_GPU_MMA=toward_zero") == "1 1 1 ");
  CHECK(rerun("sum_small_terms", "XR_GPU_MMA=nearest") == "1 1 2 ");
}

}  // namespace xr::tests
