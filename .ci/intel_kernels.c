/* Loaded in front of PyTorch (LD_PRELOAD), these two functions let its MKL choose kernels on any x86-64
 * processor as it does on one of Intel.  Otherwise it ignores MKL_ENABLE_INSTRUCTIONS on processors of others,
 * and a developer never sees how Intel's kernels sum. */
int mkl_serv_intel_cpu(void) { return 1; }
int mkl_serv_intel_cpu_true(void) { return 1; }
