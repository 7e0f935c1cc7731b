-- SPDX-License-Identifier: MIT
--
-- What is easily forgotten or misspelt in nginx is said; and the README's
-- guard, word for word.
local accounts = require("sandbox.accounts").udio
local nginx = require "support.nginx"
local pages = require "support.readme"
local process = require "support.process"

-- What a piece of Lua raises, as the body of an answer.
local function raises(code)
  return ("ngx.print(select(2, pcall(function() %s end)))"):format(code)
end

describe("a variable that nginx hides #nginx", function()
  after_each(nginx.finish)

  it("is named with its env line, in every phase", function()
    local try = [[
      if not balance.hidden then
        balance.register { name = "hidden", unit = "credit",
          endpoint = "https://127.0.0.1:1", request = print, read = print,
          credentials = { { name = "api_key", variable = "SPEC_HIDDEN" } } }
      end
      local _, err = balance.hidden()
      worker.note(ngx.get_phase(), err.kind .. " " .. err.message)
    ]]
    local server = nginx.start {
      setting = "SPEC_HIDDEN=set-outside",
      http = nginx.lua("init_worker_by_lua_block", try
        .. "ngx.timer.at(0, function() " .. try .. " end)"),
      locations = {
        ["= /"] = { nginx.lua("access_by_lua_block", try)
          .. nginx.lua("content_by_lua_block", try) },
      },
    }
    server:get "/"
    for _, phase in ipairs { "init_worker", "timer", "access", "content" } do
      assert.equal("config no key: give api_key, or set variables, which nginx"
        .. " hides unless nginx.conf has `env SPEC_HIDDEN;`",
        server:await_note(phase), phase)
    end
  end)

  it("is one of several, and no place is cut off after them", function()
    local server = nginx.start {
      setting = "TENCENTCLOUD_SECRET_ID= TENCENTCLOUD_SECRET_KEY=",
      locations = {
        ["= /"] = "ngx.print(select(2, balance.tencent()).message)",
      },
    }
    local message = server:get "/"
    for _, text in ipairs {
      "`env TENCENTCLOUD_SECRET_ID; env TENCENTCLOUD_SECRET_KEY;`",
      "~/.tencentcloud/credentials (HOME is not set)",
      "/etc/tencentcloud/credentials", "~/.tccli/default.credential",
    } do
      assert.matches(text, message, 1, true)
    end
  end)
end)

describe("a lua_shared_dict by its name #nginx", function()
  after_each(nginx.finish)

  it("is where a cache and a rate limit keep their entries", function()
    local server = nginx.start {
      http = nginx.lua("init_by_lua_block", [[
        client = balance.new { cache = { dict = "notes" },
          rate_dict = "notes", rate = 1000 }
      ]]),
      locations = {
        ["= /"] = [[
          local udio, err = client:udio()
          local own = balance.new { rate = 1000,
            rate_dict = ngx.shared.notes }:tempolor {
              cache = { dict = "notes" } }
          ngx.print(worker.word(udio, err), own.cached, " ")
          for _, key in ipairs(ngx.shared.notes:get_keys()) do
            ngx.print(key:match "^balance:[^:]+", " ")
          end
        ]],
      },
    }
    local function count(body, text)
      return select(2, body:gsub(text, ""))
    end
    local body = server:get "/"
    assert.matches("^195nil ", body)
    assert.equal(1, count(body, "balance:udio"))
    assert.equal(1, count(body, "balance:tempolor"))
    assert.equal(4, count(body, "balance:rate")) -- two turns, two tokens
    for _ = 1, 10 do -- of both workers
      assert.matches("^195true ", (server:get "/"))
    end
  end)

  it("is a mistake where nginx has none of that name", function()
    local server = nginx.start {
      locations = {
        ["= /new"] = raises 'balance.new { cache = { dict = "nots" } }',
        ["= /rate"] = raises 'balance.new { rate_dict = "balances" }',
        ["= /call"] = raises [[
          local result = balance.udio { cache = { dict = "Notes2" } }
          return result]],
        ["= /both"] = raises [[balance.new { cache = { dict = "notes",
          store = ngx.shared.notes } }]],
      },
    }
    for path, message in pairs {
      new = "balance.new: cache setting 'dict': unknown lua_shared_dict"
        .. " 'nots'; did you mean 'notes'?",
      rate = "balance.new: setting 'rate_dict': unknown lua_shared_dict"
        .. " 'balances'",
      call = "balance.udio: cache setting 'dict': unknown lua_shared_dict"
        .. " 'Notes2'; did you mean 'notes'?",
      both = "balance.new: cache settings 'dict' and 'store' exclude each"
        .. " other",
    } do
      local body = server:get("/" .. path)
      local line, said = body:match "^content_by_lua%b():(%d+): (.*)$"
      assert.equal(message, said, body)
      assert.is_true(tonumber(line) > 0)
    end
  end)
end)

describe("the README's guard #nginx", function()
  local section = pages.section "OpenResty and nginx"
  local dir

  before_each(function()
    dir = process.run("mktemp -d"):gsub("%s+$", "")
    local module = pages.only(section,
      '\n(    return require%("balance"%)%.new {.-\n    }\n)')
    process.write(dir .. "/accounts.lua", module)
  end)

  after_each(function()
    nginx.finish()
    process.run("rm -r " .. dir)
  end)

  -- Statuses of two requests with this key, and the log.
  local function guard(key, pass)
    local block = pages.section "A guard":match "\n\n(    .-\n    }\n)\n"
    assert.equal(8 + 2, select(2, block:gsub("\n", "")))
    if pass then
      local count
      block, count = block:gsub("pass_unknown = false", "pass_unknown = true")
      assert.equal(1, count)
    end
    local server = nginx.start {
      setting = "UDIO_API_KEY=" .. key,
      http = pages.only(section, "`(lua_shared_dict [^`]+)`")
        .. nginx.lua("init_by_lua_block", ("package.path = '%s/?.lua;' "
          .. ".. package.path"):format(dir)),
      locations = {
        ["= /"] = { block .. "content_by_lua_block { ngx.say 'made' }" },
      },
    }
    local statuses = {}
    for i = 1, 2 do
      statuses[i] = select(2, server:get "/")
    end
    return table.concat(statuses, " "), server:log()
  end

  it("lets a request pass where there is enough", function()
    assert.equal("200 200", (guard(accounts.main.api_key)))
  end)

  it("refuses it with 402 where little or nothing is left", function()
    assert.equal("402 402", (guard(accounts.low.api_key)))
    assert.equal("402 402", (guard(accounts.empty.api_key)))
  end)

  it("refuses it with 503 where nothing is known, and logs why", function()
    for case, why in pairs { refused = "udio: auth: ", down = "udio: http: ",
      html = "udio: decode: " } do
      local statuses, log = guard(accounts[case].api_key)
      assert.equal("503 503", statuses)
      assert.matches(why, log, 1, true)
    end
    local statuses, log = guard ""
    assert.equal("503 503", statuses)
    assert.matches("`env UDIO_API_KEY;`", log, 1, true)
  end)

  it("lets it pass then, by one line", function()
    for _, case in ipairs { "refused", "down" } do
      local statuses, log = guard(accounts[case].api_key, true)
      assert.equal("200 200", statuses)
      assert.matches("[warn]", log, 1, true)
    end
    assert.equal("402 402", (guard(accounts.empty.api_key, true)))
  end)
end)
