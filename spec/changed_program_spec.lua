-- SPDX-License-Identifier: MIT
--
-- A program that changes once it has loaded the module: it cannot read the
-- module's files any more, or it loads balance.core again.
local process = require "support.process"
local scarcity = require "support.scarcity"

local run, lines_of = scarcity.run, scarcity.lines_of

describe("after a program has", function()
  local root = scarcity.is_root and "" or scarcity.namespace ""
  local as_root = root and it or pending -- chroot needs root

  local daemon = [[
    local posix = assert(package.loadlib(
      os.getenv("BALANCE_BUILD") .. "/spec/chroot.so", "luaopen_chroot"))()
    local plain = os.getenv "SANDBOX_PLAIN"
    local cqueues = require "cqueues"
    local function calls()
      for _, name in ipairs { "udio", "tencent", "tempolor" } do
        call(name, { endpoint = plain })
      end
      call("tencent", { endpoint = plain, cache = {}, secret_id = "AKIDx",
        secret_key = "y" })
      local controller = cqueues.new()
      controller:wrap(function()
        say(true, balance.udio { endpoint = plain }) -- 5.1: under no pcall
      end)
      assert(controller:loop())
    end
  ]]

  local function answers(lines)
    assert.same({ "195", "10000000000", "776.56" },
      { lines[1], lines[2], lines[3] })
    assert.matches("^auth final: ", lines[4])
    assert.equal("195", lines[5])
  end

  as_root("moved into a chroot, calls are made as before", function()
    local empty = process.run "mktemp -d":gsub("%s+$", "")
    local lines = lines_of(run(daemon .. [[
      assert(posix.chroot(arg[1]))
      calls()
      call "udio"
    ]], "LEAKS=0 " .. root, empty)) -- the sanitizer looks for them in /proc
    process.run("rmdir " .. empty)
    answers(lines)
    -- this file can really not be read
    assert.matches("^config final: .*ca_file", lines[6])
  end)

  as_root("dropped its rights, calls are made as before", function()
    local own = process.run "mktemp -d":gsub("%s+$", "")
    process.run("cp -R lua/balance " .. own)
    local path = (own .. "/?.lua;" .. own .. "/?/init.lua;")
      .. os.getenv "LUA_PATH"
    local output = run(daemon .. [[
      local ok, why = posix.setuid(65534)
      assert(ok or why == "Invalid argument") -- a namespace with one user
      assert(not ok or not io.open(arg[1] .. "/balance/init.lua"))
      package.path = arg[1] .. "/?.lua;" .. arg[1] .. "/?/init.lua"
      calls()
    ]], "LUA_PATH=" .. process.quote(path) .. " " .. root, own)
    process.run("rm -r " .. own)
    answers(lines_of(output))
  end)
end)

describe("a transfer", function()
  it("is waited for where it is under way, whoever loaded balance.core again",
    function()
      assert.equal("once, once\ntrue 200\n", run([[
        local blocking = require "balance.loop.blocking"
        local cqueues_loop = require "balance.loop.cqueues"
        package.loaded["balance.core"] = nil
        local again = require "balance.core"
        local same = again.transport() == core.transport()
        local transfer = again.transport():start { path = "/unknown",
          endpoint = os.getenv "SANDBOX_PLAIN", timeout = 5,
          connect_timeout = 5 }
        local other = core.transport():start { path = "/unknown",
          endpoint = os.getenv "SANDBOX_PLAIN", timeout = 5,
          connect_timeout = 5 }
        local waits = {}
        blocking.gather {
          function() waits[1] = blocking.wait(transfer) and "once" end,
          function() waits[2] = blocking.wait(other) and "once" end,
        }
        print(table.concat(waits, ", "))
        print(same and transfer:transport() == core.transport(),
          transfer:result().status == 404 and 200)
      ]]):gsub("\t", " "))
    end)

  it("of a copy of the module is waited for there", function()
    local copy = os.tmpname()
    process.run(("cp %s/balance/core.so %s"):format(process.build, copy))
    local output = run([[
      local blocking = require "balance.loop.blocking"
      local other = assert(package.loadlib(arg[1], "luaopen_balance_core"))()
      assert(other.transport() ~= core.transport())
      local function start(from, path)
        return assert(from.transport():start { path = path, timeout = 5,
          endpoint = os.getenv "SANDBOX_PLAIN", connect_timeout = 5 })
      end
      local transfer = start(other, "/unknown")
      assert(transfer:transport() == other.transport())
      assert(blocking.wait(transfer))
      print(transfer:result().status)
      local statuses = {}
      blocking.gather {
        function()
          local one = start(other, "/unknown")
          assert(blocking.wait(one))
          statuses[1] = one:result().status
        end,
        function()
          local one = start(core, "/unknown")
          assert(blocking.wait(one))
          statuses[2] = one:result().status
        end,
      }
      print(statuses[1], statuses[2])
      call "udio"
    ]], nil, copy)
    os.remove(copy)
    assert.equal("404\n404\t404\n195\n", output)
  end)
end)
