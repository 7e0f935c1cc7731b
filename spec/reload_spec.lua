-- SPDX-License-Identifier: MIT
--
-- Development servers and editors load a module again and again.
local process = require "support.process"

describe("loaded again a hundred times, with a call each", function()
  it("the module leaves descriptors and memory as they were", function()
    local output, status = process.run_lua([[
      local bench = require("sandbox.accounts").tencent.bench
      local function descriptors()
        local pipe = io.popen("ls /proc/$PPID/fd | wc -l")
        local count = tonumber(pipe:read "*a")
        pipe:close()
        return count
      end
      local function resident()
        local text = io.open("/proc/self/smaps_rollup"):read "*a"
        return tonumber(text:match "Rss:%s+(%d+) kB")
      end
      local function again()
        for name in pairs(package.loaded) do
          if name:find "^balance" then
            package.loaded[name] = nil
          end
        end
        local balance = require "balance"
        assert(balance.udio())
        assert(balance.tencent { cache = {}, secret_id = bench.secret_id,
          secret_key = bench.secret_key })
        local _, failures = balance.all { udio = {}, tempolor = {} }
        assert(not next(failures))
        assert(balance.new { loop = "cqueues", cache = {} }:udio())
      end
      -- LuaJIT's traces of this script keep what they have inlined, until
      -- there are too many of them.
      local jit = rawget(_G, "jit")
      local function measure()
        if jit then
          jit.flush()
        end
        collectgarbage()
        collectgarbage()
        return descriptors(), collectgarbage "count", resident()
      end
      for _ = 1, 50 do
        again()
      end
      print(measure())
      for _ = 1, 50 do
        again()
      end
      print(measure())
      local without, highest = {}, 0
      for i = 1, 20 do -- the same without the collector
        collectgarbage "stop"
        again()
        without[i] = descriptors()
        highest = math.max(highest, without[i])
      end
      print(without[1], highest)
    ]])
    assert.equal(0, status, output)
    local open_first, kept_first, rss_first, open_last, kept_last, rss_last,
      open_one, open_most = output:match(("(%S+)%s+"):rep(8))
    -- The number of kept connections may differ by one.
    assert.is_true(open_last - open_first < 5, output)
    assert.is_true(open_most - open_one < 5, output)
    assert.is_true(kept_last - kept_first < 64, output)
    -- AddressSanitizer keeps freed memory.
    local is_asan = process.lua:find("/asan ", 1, true)
    assert.is_true(is_asan ~= nil or rss_last - rss_first < 2048, output)
  end)
end)
