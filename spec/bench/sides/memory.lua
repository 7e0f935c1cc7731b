-- SPDX-License-Identifier: MIT
--- What memory another side's script adds to the process: once it has loaded
-- its modules, and once it has done its work for the first time.
--
-- memory.lua SCRIPT [ARGUMENT...]    prints both, KiB
local script = table.remove(arg, 1)

local function resident()
  collectgarbage()
  local file = assert(io.open "/proc/self/smaps_rollup")
  local kib = file:read("*a"):match "Rss:%s+(%d+)"
  file:close()
  return tonumber(kib)
end

local before = resident()
package.loaded["bench.sides.rounds"] = function(once)
  local required = resident()
  once()
  print(("%d %d"):format(required - before, resident() - before))
end
dofile("spec/bench/sides/" .. script)
