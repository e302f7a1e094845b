#!/usr/bin/env bash
#SBATCH --job-name=metamimic
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
#
# A Ray cluster of the job's hosts, and the program on it. Submit it from the
# folder of the project, which all hosts must see:
#   sbatch docs/cluster/slurm.sh --num_imitation_actors=100 --num_task_actors=100

set -euo pipefail

port=6379
# Since Slurm 22.05 steps do not take the job's number of cores by themselves.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK}"
mapfile -t hosts < <(scontrol show hostnames "${SLURM_JOB_NODELIST}")
head="${hosts[0]}"
address="$(srun --nodes=1 --ntasks=1 --nodelist="${head}" hostname --ip-address \
  | awk '{ print $1 }')"

srun --nodes=1 --ntasks=1 --nodelist="${head}" .venv/bin/ray start --head \
  --node-ip-address="${address}" --port="${port}" --include-dashboard=false \
  --num-cpus="${SLURM_CPUS_PER_TASK}" --block &

if ((${#hosts[@]} > 1)); then
  others="$(IFS=,; echo "${hosts[*]:1}")"
  srun --nodes="$((${#hosts[@]} - 1))" --ntasks-per-node=1 \
    --nodelist="${others}" .venv/bin/ray start --address="${address}:${port}" \
    --num-cpus="${SLURM_CPUS_PER_TASK}" --block &
fi

# On this host, which is the head: the launcher waits for room by itself.
.venv/bin/python -m experiments.run_distributed --lp_launch_type=ray \
  --ray_address="${address}:${port}" "$@" &
launcher=$!
trap 'kill -TERM "${launcher}"' TERM INT
# A trapped signal ends the first wait; the second has the exit code.
wait "${launcher}" || true
wait "${launcher}"
