# shellcheck shell=bash
# To be sourced: this folder's commands in PATH, and Open MPI set for the cluster (its network, root, more ranks than cores).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/cluster/lib.sh
. "$here/lib.sh"
export SLURM_CONF=$AMZ_CLUSTER/slurm/slurm.conf
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_tcp_if_include=$AMZ_NET.0/24 OMPI_MCA_oob_tcp_if_include=$AMZ_NET.0/24
case :$PATH: in
  *":$here:"*) ;;
  *) PATH=$here:$PATH ;;
esac
