// What is not known is an error with kernel, line and instruction, before anything runs.
#include "tests/child.h"
#include "tests/kernels/software_gpu/ptx.h"

namespace xr::tests {

namespace {

/// The message for a kernel whose body ends in this line; the line's number is 27.
std::string message_of(const std::string& line) {
  try {
    (void)decode(module_of("\t" + line + "\n"), "test");
  } catch (const NotSupported& error) {
    return error.what();
  }
  return "";
}

/// Which way a division of each number takes: 1 in 32 bits by the kernel's test, 2 in 32 bits by nvcc's, 3 in 64 bits.
/// `branch` is the kernel's test and its branch to "done".
std::string ways_of_division_after(const std::string& branch) {
  const DeviceArray<u64> numbers({0, 3, 4, 15, 16, (u64{1} << 32) - 1, u64{1} << 32});
  const DeviceArray<u32> ways(std::vector<u32>(numbers.values().size()));
  const std::string body = load<u64>(1) + R"(	mov.u32 %r10, 1;
)" + branch + R"(	mov.u32 %r10, 2;
	or.b64 	%rd31, %rd11, 3;
	and.b64  	%rd32, %rd31, -4294967296;
	setp.eq.s64 	%p2, %rd32, 0;
	@%p2 bra done;
	mov.u32 %r10, 3;
done:
)" + address_of<u32>(0) + "\tst.global.u32 [%rd20], %r10;\n";
  const auto count = static_cast<u32>(numbers.values().size());
  const std::unique_ptr<Kernel> kernel = decode(module_of(body), "test");
  const u64 pointers[] = {ways.begin(), numbers.begin(), 0, 0};
  Launch launch{.kernel = kernel.get(),
                .grid = {1, 1, 1},
                .block = {count, 1, 1},
                .parameters = std::vector<u8>(sizeof(pointers))};
  std::memcpy(launch.parameters.data(), pointers, sizeof(pointers));
  std::string text;
  for (int turn = 0; turn < 3; ++turn) {
    execute(launch);
    for (const u32 way : ways.values()) text += std::to_string(way);
    text += ' ';
  }
  return text;
}

// The kernel's test as nvcc writes it: for sm_90 and older, then in two ways for sm_100.
std::string ways_of_division() {
  return ways_of_division_after(
      "\tand.b64 %rd30, %rd11, -4294967296;\n\tsetp.eq.s64 %p1, %rd30, 0;\n\t@%p1 bra done;\n");
}
std::string ways_of_division_below_limit() {
  return ways_of_division_after("\tsetp.lt.u64 %p1, %rd11, 4294967296;\n\t@%p1 bra done;\n");
}
std::string ways_of_division_above_limit() {
  return ways_of_division_after("\tsetp.gt.u64 %p1, %rd11, 4294967295;\n\t@!%p1 bra done;\n");
}

const Rerun division("division", ways_of_division), division_below("below", ways_of_division_below_limit),
    division_above("above", ways_of_division_above_limit);

}  // namespace

TEST_CASE(
    "XR_GPU_WIDE_INDEXES lets small indexes take the paths for those beyond 32 bits in every second launch") {
  CHECK(ways_of_division() == "1111113 1111113 1111113 ");
  for (const char* test : {"division", "below", "above"}) {
    CHECK(rerun(test, "XR_GPU_WIDE_INDEXES=0") == "1111113 1111113 1111113 ");
    CHECK(rerun(test, "XR_GPU_WIDE_INDEXES=1") == "1122333 1111113 1122333 ");
  }
}

TEST_CASE("an instruction that is not known is named with its line") {
  const std::string message = message_of("bfind.u32 %r4, %r5;");
  CHECK(message == "test, PTX line 27: an instruction that is not known: bfind.u32 %r4, %r5");
}

TEST_CASE("a register's name may come again in another scope") {
  const std::string scope = "\t{ .reg .b16 tmp; mov.b32 {tmp, %rs4}, %r5; }\n";
  const auto kernel = decode(module_of(scope + scope), "test");
  for (const Instruction& instruction : kernel->code)
    for (const Operand place : instruction.destinations)
      if (place != nowhere) CHECK(place < kernel->register_bytes);
}

TEST_CASE("whatever the decoder does not know is an error") {
  for (
      const char* line :
      {// instructions
       "add.cc.u32 %r4, %r5, %r6;", "wgmma.fence.sync.aligned;", "mbarrier.init.shared.b64 [%r4], 1;",
       "trap;", "cp.async.bulk.commit_group;", "tex.2d.v4.f32.f32 {%f0,%f1,%f2,%f3}, [tex, {%f0,%f1}];",
       "redux.sync.add.s32 %r4, %r5, -1;", "call.uni foo, (%r4);", "vote.all.pred %p0, %p1;",
       "shfl.idx.b32 %r4, %r5, 0, 31;",
       // modifiers
       "add.ftz.f32 %f0, %f1, %f2;", "add.sat.s32 %r4, %r5, %r6;", "add.rm.f32 %f0, %f1, %f2;",
       "fma.rn.ftz.f32 %f0, %f1, %f2, %f3;", "setp.lt.ftz.f32 %p0, %f0, %f1;", "ld.const.u32 %r4, [%rd4];",
       "ld.global.L1::unknown.u32 %r4, [%rd4];", "ld.global.v8.f32 {%f0}, [%rd4];",
       "ld.global.mmio.u32 %r4, [%rd4];", "st.shared::cluster.u32 [%r4], %r5;",
       "atom.global.inc.u32 %r4, [%rd4], %r5;", "atom.global.add.noftz.f16 %rs4, [%rd4], %rs5;",
       "atom.global.cluster.add.u32 %r4, [%rd4], %r5;", "cp.async.cg.shared.global [%r4], [%rd4], 8;",
       "cp.async.ca.shared.global.L2::cache_hint [%r4], [%rd4], 8, %rd5;",
       "cp.async.ca.shared.global [%r4], [%rd4], 12;", "bar.arrive 0, 64;", "bar.sync 1;", "bar.sync 0, 64;",
       "fence.proxy.async;", "bra.unknown label;", "shfl.sync.idx.b64 %r4, %r5, 0, 31, -1;",
       "shfl.sync.turn.b32 %r4, %r5, 0, 31, -1;", "vote.sync.ballot.pred %p0, %p1, -1;",
       "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f0,%f1,%f2,%f3}, {%r4,%r5,%r6,%r7}, {%r8,%r9}, {%f0,%f1,%f2,%f3};",
       "ldmatrix.sync.aligned.m8n16.x4.shared.b8 {%r4,%r5,%r6,%r7}, [%r8];", "cvta.global.u32 %r4, %r5;",
       "cvt.rn.f16.f32 %rs4, %f0;", "cvt.rz.f32.f64 %f0, %fd0;", "cvt.rn.relu.bf16.f32 %rs4, %f0;",
       "ex2.approx.f16 %rs4, %rs5;", "mul.rn.u32 %r4, %r5, %r6;", "max.NaN.f32 %f0, %f1, %f2;",
       // types, operands, directives
       "ld.global.b128 %rd4, [%rd5];", "add.u32 %r4, %r5;", "add.u32 %r4, %r5, %r6, %r7;",
       "add.u32 %r99, %r5, %r6;", "add.u32 %rd4, %r5, %r6;", "add.u64 %rd4, %r5, %rd6;",
       "mov.u32 %r4, variable;", "mov.u32 %r4, %clock;", "ld.global.u32 %r4, %rd4;",
       "ld.global.u32 %r4, [variable];", "ld.global.v2.u32 {%r4, %r5, %r6}, [%rd4];", "bra nowhere;",
       ".reg .b128 %q<4>;", ".branchtargets a, b;", "vote.sync.any.pred %p0, !%p1, -1;"}) {
    const std::string message = message_of(line);
    INFO(line << " gives \"" << message << "\"");
    CHECK(message.starts_with("test, PTX line "));
    if (std::string_view(line) != "bra nowhere;") {  // found at the end of the kernel
      CHECK(message.find(": " + std::string(line, std::strlen(line) - (line[0] == '.' ? 0 : 1))) !=
            std::string::npos);
    }
  }
}

TEST_CASE("a module without the entry, or with an unknown directive, is an error") {
  CHECK_THROWS_AS(decode(module_of(""), "other"), NotSupported);
  std::string module = module_of("");
  module.replace(module.find(".maxntid 1024"), 13, ".reqnctapercluster 2");
  CHECK_THROWS_AS(decode(module, "test"), NotSupported);
}

}  // namespace xr::tests
