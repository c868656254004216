# Sourced before every test: takes out of the environment what would make it another test. Who runs them may do so inside a batch job or a launcher, may have
# settings of this program or a machine described for hwloc, and other habits of writing numbers and dates. What an MPI needs to work here (OMPI_MCA_…) stays.
# shellcheck shell=sh
for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)=.*/\1/p'); do
  case $name in
    SLURM_* | PBS_* | LSB_* | PMI_* | PMIX_* | OMPI_COMM_* | OMPI_UNIVERSE_* | HYDI_* | HWLOC_* | OMP_* | GOMP_* | AMORSIZE_*) unset "$name" ;;
    CUDA_VISIBLE_DEVICES | ROCR_VISIBLE_DEVICES | GPU_DEVICE_ORDINAL | XDG_CACHE_HOME | XDG_STATE_HOME | CDPATH | GREP_OPTIONS | POSIXLY_CORRECT) unset "$name" ;;
    LC_* | LANGUAGE) unset "$name" ;;
  esac
done
LC_ALL=C.UTF-8
export LC_ALL
# Ranks share memory through files of 4 MiB each in /dev/shm, which containers may keep small: then those files go where temporary ones do.
if [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')0" -lt 655360 ]; then
  OMPI_MCA_btl_vader_backing_directory=${TMPDIR:-/tmp}
  OMPI_MCA_btl_sm_backing_directory=${TMPDIR:-/tmp} # as it is called from Open MPI 5 on
  export OMPI_MCA_btl_vader_backing_directory OMPI_MCA_btl_sm_backing_directory
fi
