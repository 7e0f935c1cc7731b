-- SPDX-License-Identifier: MIT
-- Nothing in the module depends on the host program's locale.
local process = require "spec.support.process"

-- One text of all that has to do with names, numbers, case, order, blanks and
-- dates.
local everything = [=[
local order, locale = ...
local function set_locale()
  if locale ~= "C" and not os.setlocale(locale) then
    io.write("no such locale")
    os.exit(0)
  end
end
if order == "first" then
  set_locale()
end
local balance = require "balance"
local identities = require "balance.identity"
local core = require "balance.core"
local failure = require "balance.failure"
local limiter = require "balance.limiter"
local monitor = require "balance.monitor"
local notify_text = require "balance.notify.text"
local report = require "balance.report"
local watching = require "support.watching"
if order == "after" then
  set_locale()
end

local function say(...)
  for i = 1, select("#", ...) do
    local text = tostring((select(i, ...)))
    io.write((text:gsub("[^\32-\126]", function(byte)
      return ("<%02x>"):format(byte:byte())
    end)), " ")
  end
  io.write("\n")
end
local function whole(number) -- the same text in every locale
  return ("%.0f"):format(number * 100)
end

-- a file whose names are in capitals, with an I in them
local path = os.tmpname()
local file = assert(io.open(path, "w"))
file:write("[DEFAULT_I]\nSECRET_ID = ", os.getenv "TENCENTCLOUD_SECRET_ID",
  "\t\nSECRET_KEY:\f", os.getenv "TENCENTCLOUD_SECRET_KEY", "\r\n")
file:close()
local credentials = require "balance.credentials"
local found, place = credentials.find(require "balance.provider.tencent",
  { { credentials_file = path, profile = "DEFAULT_I" } },
  { getenv = function() end })
os.remove(path)
say(found and #found.secret_key, place)

-- numbers of an answer, through a cache that others read
local kept = balance.store.memory()
local names = {}
local store = setmetatable({}, { __index = function(_, method)
  return function(_, key, ...)
    if not key:find(":lock", 1, true) then
      names[#names + 1] = key
    end
    return kept[method](kept, key, ...)
  end
end })
local options = { cache = { store = store }, rate = 2.5, retries = 0 }
for _ = 1, 2 do
  local result, err = balance.tempolor(options)
  say(result and whole(result.balance), result and result.cached, err)
end
say(names[1], names[#names])
say(kept:get(names[1]):match '"balance": ?([^,}]*)')
say(identities.of("x", { a = 0.1, b = { 1.5, "I", i = "i", ["\233"] = 1,
  Z = 1, z = 2, _ = 3 } }))

-- a rate that is shared
for _, rate in ipairs { 0.5, 2.5, 1000000.25 } do
  limiter.wait({ rate = rate, now = function() return 0 end, limit = 0,
    dict = {
      incr = function(_, key) say(key) return 1 end, get = function() end,
      set = function(_, key) say(key) end,
    } }, "key", {})
end

-- a service's text, with bytes that some locales take for blanks or letters
for _, text in ipairs { "\160a\160", "\133a\133", "\194\160a", "I\221i\253",
  "a\255\225", "\30a\127" } do
  say(failure.clean(text, {}))
end
say(pcall(balance.register, { name = "b\233", unit = "u", endpoint = "x",
  credentials = {}, request = print, read = print }))
say(pcall(balance.udio, { API_KEI = 1 }))

-- what a monitor keeps, and what its reports and webhooks say
local world = watching.world { I = 776.56 }
world.more.I = { unit = "cent", currency = "USD" }
local watched, its = watching.monitor(world, { every = 3600,
  alarms = { I = { min = 800.5 } }, notify = function(event)
    say(notify_text.write(event))
  end })
for i = 1, 12 do
  watching.round(world, watched, 3600)
  world.left.I = world.left.I - i / 3
end
its = monitor.new(its)
its:refresh()
say(its.settings.store:get "balance:monitor:state:I":match '"history":"(.-)"')
say(report.text(its:snapshot()))
say(report.prometheus(its:snapshot()))
say(report.nagios(its:snapshot(), { warning = "7.5:" }))
say((report.page(its:snapshot())))

-- dates, and what is signed
say(core.date "Sun, 06 Nov 1994 08:49:37 GMT", core.date "jeu. 06 nov. 1994")
local headers = balance.tc3.sign { secret_id = "I", secret_key = "k",
  service = "billing", host = "I.EXAMPLE", timestamp = 1551113065,
  headers = { ["content-type"] = "TEXT/I", host = "I.EXAMPLE",
    ["x-i"] = "I\221" } }
say(headers.Authorization)

-- what a server says in capitals
local udio, err = balance.udio { api_key = "BEARER I\221" }
say(udio, err.kind, err.hint)
]=]

-- With a decimal comma, with other 8-bit letters, with a Turkish I.
local locales = {
  { "de_DE.UTF-8", "de_DE", "UTF-8" },
  { "de_DE.ISO-8859-1", "de_DE", "ISO-8859-1" },
  { "tr_TR.ISO-8859-9", "tr_TR", "ISO-8859-9" },
  { "ru_RU.KOI8-R", "ru_RU", "KOI8-R" },
  { "fa_IR.UTF-8", "fa_IR", "UTF-8" },
  -- a decimal point of two bytes, with which Lua itself cannot read "0.5"
  { "ps_AF.UTF-8", "ps_AF", "UTF-8", orders = { "after" } },
}

describe("Under another locale", function()
  local directory

  setup(function()
    directory = process.run("mktemp -d"):gsub("%s+$", "")
    for _, locale in ipairs(locales) do
      process.run(("localedef -c -i %s -f %s %s/%s"):format(locale[2],
        locale[3], directory, locale[1]))
    end
  end)

  teardown(function()
    process.run("rm -r " .. directory)
  end)

  -- With LOCPATH glibc's newlocale leaks, which OpenSSL calls.
  local function said(order, locale)
    return (process.run_lua(everything, "LEAKS=0 LOCPATH=" .. directory, order,
      locale))
  end

  it("a number is read where somebody made a cjson under it", function()
    local output = process.run_lua([[
      local json = require "balance.json"
      assert(json.decode "[1.5]"[1] == 1.5)
      if os.setlocale "de_DE.UTF-8" then
        require("cjson").new()
        os.setlocale "C"
      end
      local list = json.decode "[1.5]"
      io.write(tostring(list and list[1]))
    ]], "LEAKS=0 LOCPATH=" .. directory)
    assert.equal("1.5", output)
  end)

  for _, locale in ipairs(locales) do
    it("everything is as before: " .. locale[1], function()
      local plain = said("first", "C")
      for _, order in ipairs(locale.orders or { "first", "after" }) do
        local here = said(order, locale[1])
        if here == "no such locale" then
          pending "the locales' sources are not installed here"
          return
        end
        assert.equal(plain, here)
      end
    end)
  end
end)
