// Loads, stores, atomics, copies, ldmatrix and barriers.
#include "kernels/software_gpu/options.h"
#include "tests/kernels/software_gpu/ptx.h"

namespace xr::tests {

namespace {

template <class T>
std::vector<T> run_threads(const std::string& body, std::size_t results, u32 threads,
                           const std::vector<u64>& others = {}, const std::string& variables = "") {
  DeviceArray<T> result{std::vector<T>(results)};
  std::vector<u64> pointers{result.begin()};
  pointers.insert(pointers.end(), others.begin(), others.end());
  run_module(module_of(body, variables), pointers, 1, threads);
  return result.values();
}

}  // namespace

TEST_CASE("loads extend the sign of signed types") {
  std::vector<u8> bytes(256);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<u8>(i);
  const DeviceArray<u8> source{bytes};
  const auto loaded = [&](const std::string& type, const std::string& to) {
    return run_threads<s64>(address_of<u8>(1) + "\tld.global." + type + " " + to + ", [%rd21];\n" +
                                (to == "%rd10" ? "" : "\tcvt.s64.s32 %rd10, " + to + ";\n") +
                                address_of<s64>(0) + "\tst.global.u64 [%rd20], %rd10;\n",
                            256, 256, {source.begin()});
  };
  const auto u = loaded("u8", "%r10"), s = loaded("s8", "%r10"), wide = loaded("s8", "%rd10");
  for (int i = 0; i < 256; ++i) {
    CHECK(u[static_cast<std::size_t>(i)] == i);
    CHECK(s[static_cast<std::size_t>(i)] == static_cast<s8>(i));
    CHECK(wide[static_cast<std::size_t>(i)] == static_cast<s8>(i));
  }
}

TEST_CASE("stores take the low bits") {
  const auto bytes = run_threads<u8>(
      "\tmul.lo.u32 %r10, %r0, 257;\n\tcvt.u64.u32 %rd10, %r0;\n\tadd.u64 %rd11, %rd0, %rd10;\n"
      "\tst.global.u8 [%rd11], %r10;\n",
      64, 64);
  for (u32 i = 0; i < 64; ++i) CHECK(bytes[i] == (i * 257 & 255));
}

TEST_CASE("vectors of two and four") {
  std::vector<u32> values(256);
  for (u32 i = 0; i < 256; ++i) values[i] = i * 2654435761u;
  const DeviceArray<u32> source{values};
  const auto copied = run_threads<u32>(
      "\tshl.b32 %r4, %r1, 4;\n\tcvt.u64.u32 %rd4, %r4;\n\tadd.u64 %rd5, %rd1, %rd4;\n\tadd.u64 %rd6, %rd0, %rd4;\n"
      "\tld.global.nc.v4.u32 {%r10, %r11, %r12, %r13}, [%rd5];\n\tst.global.v2.b32 [%rd6+8], {%r10, %r11};\n"
      "\tst.global.v2.u32 [%rd6], {%r12, %r13};\n",
      256, 64, {source.begin()});
  for (u32 i = 0; i < 256; ++i) CHECK(copied[i] == values[i ^ 2]);
}

TEST_CASE("parameters, shared and local memory, and their generic addresses") {
  const auto sums = run_threads<u32>(
      "\t.shared .align 4 .b8 table[128];\n\t.local .align 8 .b8 own[16];\n"
      "\tmov.u32 %r4, table;\n\tshl.b32 %r5, %r1, 2;\n\tadd.u32 %r6, %r4, %r5;\n\tst.shared.u32 [%r6], %r1;\n"
      "\tbar.sync 0;\n\tmov.u64 %rd4, table;\n\tcvta.shared.u64 %rd5, %rd4;\n\txor.b32 %r7, %r5, 124;\n"
      "\tcvt.u64.u32 %rd6, %r7;\n\tadd.u64 %rd7, %rd5, %rd6;\n\tld.u32 %r10, [%rd7];\n"
      "\tmov.u64 %rd8, own;\n\tst.local.u32 [%rd8+4], %r10;\n\tcvta.local.u64 %rd9, %rd8;\n\tld.u32 %r11, [%rd9+4];\n"
      "\tcvta.to.shared.u64 %rd11, %rd7;\n\tld.shared.u32 %r12, [%rd11];\n\tadd.u32 %r10, %r11, %r12;\n" +
          address_of<u32>(0) + "\tst.global.u32 [%rd20], %r10;\n",
      32, 32);
  for (u32 lane = 0; lane < 32; ++lane) CHECK(sums[lane] == 2 * (31 - lane));
}

namespace {

/// 64 threads of two blocks apply the operation to one word; returns it and what each found.
std::pair<u32, std::vector<u32>> run_atomic(const std::string& operation, u32 begin,
                                            const std::string& operands) {
  DeviceArray<u32> found{std::vector<u32>(64)}, word{std::vector<u32>{begin}};
  run_module(module_of("\tadd.u32 %r4, %r0, 1;\n\tatom.global." + operation + " %r10, [%rd1], " + operands +
                       ";\n" + address_of<u32>(0) + "\tst.global.u32 [%rd20], %r10;\n"),
             {found.begin(), word.begin()}, 2, 32);
  return {word.values()[0], found.values()};
}

}  // namespace

TEST_CASE("atomics") {
  const auto [sum, partial] = run_atomic("add.u32", 5, "%r4");
  CHECK(sum == 5 + 64 * 65 / 2);
  std::vector<u32> sorted = partial;  // each thread found another sum
  std::sort(sorted.begin(), sorted.end());
  CHECK(std::unique(sorted.begin(), sorted.end()) == sorted.end());
  CHECK(run_atomic("max.u32", 5, "%r4").first == 64);
  CHECK(run_atomic("min.u32", 50, "%r4").first == 1);
  CHECK(run_atomic("max.s32", 0xffffffff, "-7").first == 0xffffffff);
  CHECK(run_atomic("min.s32", 5, "-7").first == static_cast<u32>(-7));
  CHECK(run_atomic("or.b32", 0x100, "%r4").first == 0x17f);
  CHECK(run_atomic("and.b32", 0xff, "62").first == 62);
  CHECK(run_atomic("xor.b32", 1, "%r4").first == (1 ^ 64));
  CHECK(run_atomic("exch.b32", 9, "3").first == 3);
  const auto [last, seen] = run_atomic("cas.b32", 7, "7, %r4");  // one of them finds 7
  CHECK(std::count(seen.begin(), seen.end(), 7u) == 1);
  CHECK(last - 1 == static_cast<u32>(std::find(seen.begin(), seen.end(), 7u) - seen.begin()));
  DeviceArray<u64> big{std::vector<u64>{u64{1} << 40}};
  run_module(module_of("\tcvt.u64.u32 %rd4, %r0;\n\tred.global.add.u64 [%rd0], %rd4;\n"), {big.begin()}, 1,
             32);
  CHECK(big.values()[0] == (u64{1} << 40) + 31 * 32 / 2);
  DeviceArray<s64> ends{std::vector<s64>{5, 5}};
  run_module(
      module_of("\tcvt.s64.s32 %rd4, %r0;\n\tsub.s64 %rd4, %rd4, 16;\n\tred.global.min.s64 [%rd0], %rd4;\n"
                "\tred.global.max.s64 [%rd0+8], %rd4;\n"),
      {ends.begin()}, 1, 32);
  CHECK(ends.values() == std::vector<s64>{-16, 15});
  DeviceArray<float> halves{std::vector<float>{0.25f}};
  run_module(module_of("\tmov.f32 %f1, 0f3F000000;\n\tred.global.add.f32 [%rd0], %f1;\n"), {halves.begin()},
             1, 32);
  CHECK(halves.values()[0] == 16.25f);
}

// Several warps use one word of shared memory, without a barrier between.
TEST_CASE("atomics of shared memory") {
  const auto counts = run_threads<u32>(
      "\t.shared .align 4 .b8 sum[4];\n\tmov.u32 %r4, sum;\n\tsetp.eq.u32 %p0, %r1, 0;\n"
      "\t@%p0 st.shared.u32 [%r4], 7;\n\tbar.sync 0;\n\tatom.shared.add.u32 %r5, [%r4], 2;\n\tbar.sync 0;\n"
      "\tld.shared.u32 %r10, [%r4];\n" +
          address_of<u32>(0) + "\tst.global.u32 [%rd20], %r10;\n",
      96, 96);
  CHECK(std::count(counts.begin(), counts.end(), 7u + 2 * 96) == 96);
}

// What is not valid is filled with zeros; nothing arrives before the wait.
TEST_CASE("asynchronous copies") {
  std::vector<u32> values(128);
  for (u32 i = 0; i < 128; ++i) values[i] = i + 1;
  const DeviceArray<u32> source{values};
  const auto arrived = run_threads<u32>(
      "\t.shared .align 16 .b8 to[512];\n\tmov.u32 %r4, to;\n\tshl.b32 %r5, %r1, 4;\n\tadd.u32 %r6, %r4, %r5;\n"
      "\tcvt.u64.u32 %rd4, %r5;\n\tadd.u64 %rd5, %rd1, %rd4;\n\tand.b32 %r7, %r1, 3;\n\tshl.b32 %r7, %r7, 2;\n"
      "\tcp.async.ca.shared.global [%r6], [%rd5], 16, %r7;\n\tcp.async.commit_group;\n\tcp.async.wait_group 0;\n"
      "\tld.shared.v4.u32 {%r10, %r11, %r12, %r13}, [%r6];\n\tadd.u64 %rd6, %rd0, %rd4;\n"
      "\tst.global.v4.u32 [%rd6], {%r10, %r11, %r12, %r13};\n",
      128, 32, {source.begin()});
  for (u32 i = 0; i < 128; ++i) CHECK(arrived[i] == (i % 4 < i / 4 % 4 ? i + 1 : 0));
}

namespace {

/// Each lane copies 4 bytes twice, as a group each; what it reads of the two is stored, after `wait`.
std::string run_two_groups(const std::string& wait, const std::string& reads, bool commit = true) {
  std::vector<u32> values(64);
  for (u32 i = 0; i < 64; ++i) values[i] = i + 1;
  const DeviceArray<u32> source{values};
  const std::string group = commit ? "\tcp.async.commit_group;\n" : "";
  try {
    const auto read = run_threads<u32>(
        "\t.shared .align 4 .b8 to[256];\n\tmov.u32 %r4, to;\n\tshl.b32 %r5, %r1, 2;\n\tadd.u32 %r6, %r4, %r5;\n" +
            address_of<u32>(1) + "\tcp.async.ca.shared.global [%r6], [%rd21], 4;\n" + group +
            "\tcp.async.ca.shared.global [%r6+128], [%rd21+128], 4;\n" + group + "\tcp.async." + wait +
            ";\n\tmov.u32 %r10, 0;\n\tld.shared.u32 %r10, [%r6" + reads + "];\n\tcp.async.wait_all;\n" +
            address_of<u32>(0) + "\tst.global.u32 [%rd20], %r10;\n",
        32, 32, {source.begin()});
    return std::to_string(read[31]);
  } catch (const Fault& fault) {
    return fault.what();
  }
}

}  // namespace

// wait_group n leaves the n latest groups under way; wait_all does not ask for groups.
TEST_CASE("groups of asynchronous copies") {
  CHECK(run_two_groups("wait_group 0", "") == "32");
  CHECK(run_two_groups("wait_group 0", "+128") == "64");
  CHECK(run_two_groups("wait_group 1", "") == "32");
  CHECK(run_two_groups("wait_group 1", "+128").find("to which a copy is under way") != std::string::npos);
  CHECK(run_two_groups("wait_group 2", "").find("to which a copy is under way") != std::string::npos);
  CHECK(run_two_groups("wait_group 0", "", false).find("to which a copy is under way") != std::string::npos);
  CHECK(run_two_groups("wait_all", "+128", false) == "64");
}

TEST_CASE("ldmatrix") {
  std::vector<u16> values(256);
  for (u32 i = 0; i < 256; ++i) values[i] = static_cast<u16>(i);
  const DeviceArray<u16> source{values};
  for (const bool transposed : {false, true}) {
    const auto loaded = run_threads<u32>(
        std::string(
            "\t.shared .align 16 .b8 to[512];\n\tmov.u32 %r4, to;\n\tshl.b32 %r5, %r1, 4;\n\tadd.u32 %r6, %r4, %r5;\n"
            "\tcvt.u64.u32 %rd4, %r5;\n\tadd.u64 %rd5, %rd1, %rd4;\n\tadd.u64 %rd6, %rd0, %rd4;\n"
            "\tld.global.v4.u32 {%r10, %r11, %r12, %r13}, [%rd5];\n"
            "\tst.shared.v4.u32 [%r6], {%r10, %r11, %r12, %r13};\n\tbar.warp.sync -1;\n"
            "\tldmatrix.sync.aligned.m8n8.x4") +
            (transposed ? ".trans" : "") +
            ".shared.b16 {%r10, %r11, %r12, %r13}, [%r6];\n\tst.global.v4.u32 [%rd6], {%r10, %r11, %r12, %r13};\n",
        128, 32, {source.begin()});
    for (u32 lane = 0; lane < 32; ++lane)
      for (u32 matrix = 0; matrix < 4; ++matrix) {
        const u32 row = lane / 4, column = 2 * (lane % 4);
        const auto element = [&](u32 i, u32 j) -> u32 { return values[64 * matrix + 8 * i + j]; };
        const u32 low = transposed ? element(column, row) : element(row, column);
        const u32 high = transposed ? element(column + 1, row) : element(row, column + 1);
        CHECK(loaded[4 * lane + matrix] == (high << 16 | low));
      }
  }
}

// The rows' addresses are those of the first lanes; what other lanes have is not looked at.
TEST_CASE("ldmatrix of one and two matrices") {
  for (const u32 count : {1u, 2u}) {
    const std::string x = std::to_string(count), registers = count == 1 ? "{%r10}" : "{%r10, %r11}";
    const auto loaded = run_threads<u32>(
        "\t.shared .align 16 .b8 to[256];\n\tmov.u32 %r4, to;\n\tshl.b32 %r5, %r1, 4;\n\tadd.u32 %r6, %r4, %r5;\n"
        "\tsetp.lt.u32 %p0, %r1, " +
            std::to_string(8 * count) +
            ";\n\tselp.b32 %r6, %r6, 3, %p0;\n\tshl.b32 %r7, %r1, 1;\n\tadd.u32 %r8, %r7, 1;\n\tshl.b32 %r9, %r1, 3;\n"
            "\tadd.u32 %r9, %r9, %r4;\n\tst.shared.v2.u32 [%r9], {%r7, %r8};\n\tbar.warp.sync -1;\n\tmov.u32 %r11, 0;\n"
            "\tldmatrix.sync.aligned.m8n8.x" +
            x + ".shared.b16 " + registers + ", [%r6];\n" + address_of<u64>(0) +
            "\tst.global.v2.u32 [%rd20], {%r10, %r11};\n",
        64, 32);
    for (u32 lane = 0; lane < 32; ++lane) {  // word i of the matrices holds i
      CHECK(loaded[2 * lane] == lane);
      CHECK(loaded[2 * lane + 1] == (count == 2 ? 32 + lane : 0));
    }
  }
}

// Warp i writes, warp 3 - i reads after the barrier; fences are of no effect.
TEST_CASE("barriers") {
  const auto read = run_threads<u32>(
      "\t.shared .align 4 .b8 to[512];\n\tmov.u32 %r4, to;\n\tshl.b32 %r5, %r1, 2;\n\tadd.u32 %r6, %r4, %r5;\n"
      "\tst.shared.u32 [%r6], %r1;\n\tmembar.gl;\n\tfence.acq_rel.gpu;\n\tbarrier.sync.aligned 0;\n\txor.b32 %r7, %r5, 508;\n"
      "\tadd.u32 %r6, %r4, %r7;\n\tld.shared.u32 %r10, [%r6];\n" +
          address_of<u32>(0) + "\tst.global.u32 [%rd20], %r10;\n",
      128, 128);
  for (u32 i = 0; i < 128; ++i) CHECK(read[i] == 127 - i);
}

// The last warp has 8 lanes, and half of each ends before the barrier.
TEST_CASE("barriers of warps that are not whole") {
  const auto read = run_threads<u32>(
      "\t.shared .align 4 .b8 to[160];\n\tmov.u32 %r4, to;\n\tshl.b32 %r5, %r1, 2;\n\tadd.u32 %r6, %r4, %r5;\n"
      "\tmov.u32 %r10, 1000;\n\tst.shared.u32 [%r6], %r1;\n" +
          address_of<u32>(0) +
          "\tst.global.u32 [%rd20], %r10;\n"
          "\tand.b32 %r7, %r1, 4;\n\tsetp.ne.u32 %p0, %r7, 0;\n\t@%p0 ret;\n\tbar.sync 0;\n\txor.b32 %r7, %r5, 12;\n"
          "\tadd.u32 %r6, %r4, %r7;\n\tld.shared.u32 %r10, [%r6];\n\tst.global.u32 [%rd20], %r10;\n",
      40, 40);
  for (u32 i = 0; i < 40; ++i) CHECK(read[i] == ((i & 4) != 0 ? 1000 : (i ^ 3)));
}

namespace {

/// The report of two warps whose bodies are these, in the order in which they run, with 260 bytes of shared memory at %r4, 256
/// of which were written before a barrier.
std::string run_two_warps(const std::string& earlier, const std::string& later) {
  const std::string &first = options().reverse ? later : earlier,
                    &second = options().reverse ? earlier : later;
  const DeviceArray<u32> none{std::vector<u32>(1)};
  try {
    run_module(
        module_of(
            "\t.shared .align 8 .b8 to[260];\n\tmov.u32 %r4, to;\n\tshl.b32 %r5, %r1, 2;\n"
            "\tadd.u32 %r6, %r4, %r5;\n\tst.shared.u32 [%r6], %r1;\n\tbar.sync 0;\n"
            "\tsetp.ge.u32 %p0, %r1, 32;\n\t@%p0 bra second;\n\tsetp.ne.u32 %p1, %r1, 0;\n\t@%p1 ret;\n" +
            first + "\tret;\nsecond:\n\tsetp.ne.u32 %p1, %r1, 32;\n\t@%p1 ret;\n" + second),
        {none.begin()}, 1, 64);
  } catch (const Fault& fault) {
    return fault.what();
  }
  return "";
}

}  // namespace

// All threads but one of each warp have ended, so each access is one lane's.
TEST_CASE("races of shared memory") {
  const std::string read = "\tld.shared.u32 %r10, [%r4];\n", write = "\tst.shared.u32 [%r4], 1;\n";
  const auto is_race = [](const std::string& report) { return report.find("race: ") != std::string::npos; };
  CHECK(run_two_warps(read, read).empty());
  CHECK(run_two_warps(write + read, "").empty());
  CHECK(is_race(run_two_warps(read, write)));
  CHECK(is_race(run_two_warps(write, read)));
  CHECK(is_race(run_two_warps(write, write)));
  CHECK(is_race(run_two_warps(read, read + write)));  // the writer was not the only reader
  CHECK(run_two_warps(write, "\tst.shared.u32 [%r4+4], 1;\n").empty());
  // Bytes of one word that belong to two warps.
  CHECK(run_two_warps("\tst.shared.u8 [%r4], 1;\n", "\tst.shared.u8 [%r4+1], 1;\n").empty());
}

// Atomics of several warps are no race, an atomic and a plain access of another warp are.
TEST_CASE("races of atomics in shared memory") {
  const std::string read = "\tld.shared.u32 %r10, [%r4];\n", write = "\tst.shared.u32 [%r4], 1;\n",
                    atomic = "\tatom.shared.add.u32 %r10, [%r4], 1;\n", own = options().reverse ? "1" : "0";
  CHECK(run_two_warps(atomic, atomic).empty());
  CHECK(run_two_warps(read + write + atomic + read + write, "").empty());
  for (const std::string& plain : {read, write}) {
    const bool reads = plain == read;
    CHECK(run_two_warps(atomic + plain, "").empty());
    CHECK(run_two_warps(plain, atomic)
              .find("race: changes in an atomic shared memory that warp " + own +
                    (reads ? " read since" : " wrote since")) != std::string::npos);
    CHECK(run_two_warps(atomic, plain)
              .find(std::string(reads ? "reads" : "writes") + " shared memory that warp " + own +
                    " changed in an atomic since") != std::string::npos);
    CHECK(run_two_warps(atomic, atomic + plain).find("that other warps changed in an atomic since") !=
          std::string::npos);
    CHECK(run_two_warps(atomic + plain, atomic).find("race: ") != std::string::npos);
  }
}

namespace {

/// The report of one thread each of so many blocks; %rd0 is an array of three words.
std::string run_blocks(const std::string& body, u32 blocks) {
  const DeviceArray<u32> words{std::vector<u32>(3)};
  try {
    run_module(module_of(body), {words.begin()}, blocks, 1);
  } catch (const Fault& fault) {
    return fault.what();
  }
  return "";
}

}  // namespace

TEST_CASE("accesses across the end of other memory") {
  CHECK(run_blocks("\tld.global.u32 %r10, [%rd0+8];\n", 1).empty());
  CHECK(run_blocks("\tld.global.v2.u32 {%r10, %r11}, [%rd0+8];\n", 1).find("in no allocation") !=
        std::string::npos);
  const std::string own = "\t.local .align 8 .b8 own[16];\n\tmov.u64 %rd4, own;\n";
  CHECK(run_blocks(own + "\tst.local.u32 [%rd4+12], 1;\n", 1).empty());
  CHECK(run_blocks(own + "\tst.local.u32 [%rd4+16], 1;\n", 1).find("local memory at") != std::string::npos);
}

// Block 2 meets block 0 at an atomic, and reads what block 1 wrote, which met nobody.
TEST_CASE("blocks are ordered by the atomics that they share") {
  const std::string body =
      "\tsetp.eq.u32 %p0, %r2, 1;\n\t@%p0 st.global.u32 [%rd0], 1;\n\t@!%p0 atom.global.add.u32 %r4, [%rd0+4], 1;\n"
      "\tsetp.eq.u32 %p1, %r2, 2;\n";
  CHECK(run_blocks(body, 3).empty());
  CHECK(run_blocks(body + "\t@%p1 ld.global.u32 %r5, [%rd0];\n", 3).find("race: ") != std::string::npos);
}

// The blocks that run first and last do this to a word; the one between does nothing.
TEST_CASE("races of atomics in global memory") {
  const std::string first_block = options().reverse ? "2" : "0", last_block = options().reverse ? "0" : "2";
  const auto run = [&](const std::string& first, const std::string& last, const std::string& before = "") {
    return run_blocks(before + "\tsetp.eq.u32 %p0, %r2, " + first_block + ";\n\tsetp.eq.u32 %p1, %r2, " +
                          last_block + ";\n\t@%p0 " + first + ";\n\t@%p1 " + last + ";\n",
                      3);
  };
  const std::string read = "ld.global.u32 %r10, [%rd0]", write = "st.global.u32 [%rd0], 1",
                    atomic = "red.global.add.u32 [%rd0], 1", meet = "\tred.global.add.u32 [%rd0+4], 1;\n";
  CHECK(run(atomic, atomic).empty());
  CHECK(run(atomic, "red.global.add.u32 [%rd0+8], 1").empty());
  for (const std::string& plain : {read, write}) {
    CHECK(run(plain, atomic).find("race: changes in an atomic global memory that block (" + first_block) !=
          std::string::npos);
    CHECK(run(atomic, plain)
              .find("global memory that block (" + first_block +
                    ",0,0) changed in an atomic in the same launch") != std::string::npos);
    CHECK(run(atomic, plain, meet).empty());
    CHECK(run(plain, atomic, meet).empty());
  }
}

// The last word of an access lies behind the end.
TEST_CASE("accesses across the end of shared memory") {
  CHECK(run_two_warps("", "\tst.shared.u32 [%r4+256], 1;\n").empty());
  for (const std::string access : {"\tld.shared.v2.u32 {%r10, %r11}, [%r4+256];\n",
                                   "\tld.shared.u32 %r10, [%r4+260];\n", "\tld.shared.u32 %r10, [%r4+-4];\n"})
    CHECK(run_two_warps("", access).find(", outside of [") != std::string::npos);
}

}  // namespace xr::tests
