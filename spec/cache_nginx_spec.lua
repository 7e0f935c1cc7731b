-- SPDX-License-Identifier: MIT
--
-- A cache and a limiter in a shared dictionary of nginx.
local nginx = require "support.nginx"

describe("a cache and a limiter that nginx's workers share #nginx", function()
  local server

  setup(function()
    server = nginx.start {
      http = "lua_shared_dict balance 1m;",
      server = "chunked_transfer_encoding off;",
      locations = {
        ["= /cached"] = [[
          local kept = require "support.kept"
          local result, err = kept.call(require "balance.cache",
            { store = ngx.shared.balance },
            "balance:udio:" .. ngx.var.arg_account,
            require "balance.loop.nginx", function()
              ngx.shared.notes:incr("requests_" .. ngx.var.arg_account, 1, 0)
              ngx.sleep(0.3)
              if ngx.var.arg_refused then
                return nil, require "balance.failure".new {
                  provider = "udio", kind = "auth", message = "no",
                }
              end
              return kept.answer(195)
            end,
            function(event)
              if event.event == "cache_error" then
                ngx.log(ngx.ERR, event.message)
              end
            end)
          ngx.print(err and err.kind or result.credits, " ", ngx.worker.pid())
        ]],
        ["= /killed"] = [[
          local kept = require "support.kept"
          local function call(limit)
            return kept.call(require "balance.cache",
              { store = ngx.shared.balance, limit = limit },
              "balance:udio:killed", require "balance.loop.nginx", function()
                ngx.sleep(limit)
                return kept.answer(limit)
              end)
          end
          local thread = ngx.thread.spawn(call, 0.4)
          ngx.sleep(0.01)
          ngx.thread.kill(thread)
          ngx.print(call(0.2).credits)
        ]],
        ["= /limited"] = [[
          local limiter = require "balance.limiter"
          local shared, taken = ngx.shared.balance, nil
          local waited = limiter.wait({ rate = 20, dict = {
            incr = function(_, ...) return shared:incr(...) end,
            get = function(_, ...) return shared:get(...) end,
            set = function(_, key, time, ...)
              taken = time
              return shared:set(key, time, ...)
            end,
          } }, ngx.var.arg_account, require "balance.loop.nginx")
          ngx.print(waited, " ", ("%.6f"):format(taken), " ",
            ngx.worker.pid())
        ]],
      },
    }
  end)

  teardown(nginx.finish)

  -- Both workers should have had a part in it; the kernel deals them out.
  local function get_many(count, path)
    local list, pids = {}, {}
    for i, body in ipairs(server:get_many(count, path)) do
      local words = {}
      for word in body:gmatch "%S+" do
        words[#words + 1] = word
      end
      list[i], pids[words[#words]] = words, true
    end
    local _, first = next(pids)
    return list, first and next(pids, (next(pids))) ~= nil
  end

  local function ask_both(path, name)
    for i = 1, 10 do
      local account = name .. i
      local list, both = get_many(40, path .. "account=" .. account)
      if both then
        return list, account
      end
    end
    error "nginx used one of its workers only"
  end

  it("make one request for all", function()
    local list, account = ask_both("/cached?", "good")
    for _, words in ipairs(list) do
      assert.equal("195", words[1])
    end
    assert.equal("1", server:note("requests_" .. account))
  end)

  it("make one request for all with a key that is refused", function()
    local list, account = ask_both("/cached?refused=1&", "refused")
    for _, words in ipairs(list) do
      assert.equal("auth", words[1])
    end
    assert.equal("1", server:note("requests_" .. account))
  end)

  it("go on where a light thread was killed", function()
    assert.equal("0.2", (server:get "/killed"))
  end)

  it("let 20 requests go in a second", function()
    local list = ask_both("/limited?", "busy")
    local times, at_once = {}, 0
    for i, words in ipairs(list) do
      times[i] = tonumber(words[2])
      at_once = at_once + (tonumber(words[1]) == 0 and 1 or 0)
    end
    assert.is_true(at_once >= 20, at_once)
    table.sort(times)
    for i = 1, #times - 20 do
      assert.is_true(times[i + 20] - times[i] > 0.999)
    end
  end)
end)
