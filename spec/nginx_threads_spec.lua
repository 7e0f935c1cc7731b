-- SPDX-License-Identifier: MIT
--
-- Calls inside nginx that are made side by side: in light threads, in a gather
-- and by balance.all; and in coroutines of the user's.
local nginx = require "support.nginx"

describe("inside nginx a call #nginx", function()
  after_each(nginx.finish)

  it("works in light threads, each for itself", function()
    local server = nginx.start {
      locations = {
        ["= /threads"] = [[
          local threads, said = {}, {}
          for i = 1, 20 do
            threads[i] = ngx.thread.spawn(function()
              local name = i % 2 == 0 and "udio" or "tempolor"
              return worker.word(balance[name]())
            end)
          end
          for i = 1, 20 do
            local _, word = ngx.thread.wait(threads[i])
            said[i] = word
          end
          ngx.print(table.concat(said, " "))
        ]],
      },
    }
    assert.equal(("776.56 195 "):rep(10), server:get "/threads" .. " ")
  end)

  it("lets those that sleep in a gather sleep side by side", function()
    local server = nginx.start {
      locations = {
        ["= /sleepers"] = [[
          local loop, said = require "balance.loop.nginx", {}
          loop.gather {
            function() loop.sleep(3) said[#said + 1] = "long" end,
            function() loop.sleep(0.7) said[#said + 1] = "short" end,
            function()
              said[#said + 1] = worker.word(balance.udio())
              loop.sleep(1.2)
              said[#said + 1] = worker.word(balance.udio())
            end,
          }
          ngx.print(table.concat(said, " "))
        ]],
      },
    }
    assert.equal("195 short 195 long", server:get "/sleepers")
  end)

  it("may gather inside a gather, and the outer calls go on", function()
    local server = nginx.start {
      locations = {
        ["= /nest"] = [[
          local loop, said = require "balance.loop.nginx", {}
          local function call()
            said[#said + 1] = worker.word(balance.udio())
          end
          local function follow(count)
            for _ = 1, 500 do
              if #said >= count then
                return call()
              end
              loop.sleep(0.01)
            end
          end
          loop.gather {
            function() loop.sleep(0.02) call() end, -- the first
            function()
              loop.gather {
                function() follow(1) end,
                function()
                  loop.gather { function() follow(2) end }
                  follow(4)
                end,
              }
            end,
            function() follow(3) end,
          }
          ngx.print(table.concat(said, " "))
        ]],
      },
    }
    assert.equal("195 195 195 195 195", (server:get "/nest"))
  end)

  it("works in a coroutine of the user's", function()
    local server = nginx.start {
      locations = {
        ["= /coroutine"] = [[
          local one = coroutine.create(function()
            coroutine.yield(worker.word(balance.udio()))
            coroutine.yield(worker.word(balance.tempolor()))
            local results = balance.all { udio = {}, tempolor = {} }
            return results.udio.available + results.tempolor.available
          end)
          local wrapped = coroutine.wrap(function()
            return coroutine.wrap(function()
              return worker.word(balance.udio())
            end)()
          end)
          local function resume()
            return select(2, coroutine.resume(one))
          end
          ngx.print(resume(), " ", wrapped(), " ", resume(), " ", resume())
        ]],
      },
    }
    assert.equal("195 195 776.56 971.56", (server:get "/coroutine"))
  end)
end)

describe("inside nginx balance.all #nginx", function()
  after_each(nginx.finish)

  it("calls side by side", function()
    local server = nginx.start {
      workers = 1,
      locations = {
        ["= /all"] = [[
          local slow = worker.slow(700)
          local accounts = {}
          for i = 1, 20 do
            accounts["account" .. i] = { provider = slow }
          end
          accounts.wrong = { provider = "udio", api_key = "wrong" }
          local most = 0
          local watcher = ngx.thread.spawn(function()
            while true do
              most = math.max(most, worker.waiting())
              ngx.sleep(0.002)
            end
          end)
          local results, failures = balance.all(accounts)
          ngx.thread.kill(watcher)
          local sum = 0
          for _, result in pairs(results) do
            sum = sum + result.credits
          end
          ngx.print(sum, " ", failures.wrong.kind, " ", most >= 20)
        ]],
        ["= /state"] = "ngx.print(worker.state())",
      },
    }
    assert.equal("3900 auth true", (server:get "/all"))
    server:await("/state", "idle")
  end)

  it("raises what a function of the caller's raises, once, and gives the"
    .. " others up",
    function()
      local server = nginx.start {
        workers = 1,
        locations = {
          ["= /raise"] = [[
            ngx.print(tostring(select(2, pcall(balance.all, {
              faulty = { provider = "udio", credentials = function()
                ngx.sleep(0.05)
                error("planted", 0)
              end },
              slow = { provider = worker.slow(20000), timeout = 60 } }))))
          ]],
          ["= /state"] = "ngx.print(worker.state())",
        },
      }
      assert.equal("planted", (server:get "/raise"))
      server:await("/state", "idle")
      assert.is_nil(server:log():find("planted", 1, true))
    end)
end)
