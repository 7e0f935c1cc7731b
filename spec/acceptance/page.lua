-- SPDX-License-Identifier: MIT
--
-- The page, served by a real nginx, in a real browser.
-- SAVE_PICTURE=yes make acceptance SPEC=spec/acceptance/page.lua
-- makes the picture of the README anew; SAVE_SHOTS=directory keeps pictures of
-- all states, to be looked at.
local browsers = require "support.browser"
local nginx = require "support.nginx"
local page = require "balance.report.page"
local process = require "support.process"
local snapshots = require "support.snapshots"

local picture = "examples/openresty/status.png"

local function has(list, wanted)
  for _, each in ipairs(list) do
    if each == wanted then
      return true
    end
  end
  return false, wanted .. " is not in\n" .. table.concat(list, "\n")
end

describe("the page in a browser", function()
  local browser, server, address

  -- Serves snapshots by their names.
  local function serve(pages)
    local dir = process.run("mkdir -p build && mktemp -d build/pages.XXXXXX")
      :gsub("%s+$", "")
    local locations = {}
    for name, snapshot in pairs(pages) do
      local html, policy = page.write(snapshot)
      process.write(("%s/%s.html"):format(dir, name), html)
      locations["= /" .. name] = { ([[
        default_type "text/html; charset=utf-8";
        add_header Content-Security-Policy "%s";
        alias %s/%s.html;
      ]]):format(policy, process.run("pwd"):gsub("\n", "") .. "/" .. dir,
        name) }
    end
    for _ = 1, 20 do -- the port may be in use
      local port = 20000 + process.run "od -An -N2 -tu2 /dev/urandom" % 12000
      local ok, started = pcall(nginx.start, { workers = 1,
        server = ("listen 127.0.0.1:%d;"):format(port),
        locations = locations })
      if ok then
        server, address = started, "http://127.0.0.1:" .. port
        break
      end
    end
    assert(server, "no port for nginx")
    return dir
  end

  local dir

  setup(function()
    local all = snapshots.of_all_states()
    local hostile = {}
    for i, name in ipairs(snapshots.hostile) do
      hostile[i] = snapshots.account { name = name, state = "refused",
        failure = { kind = "auth", message = name, hint = name },
        undelivered = { { event = "auth", alarm = "auth", at = 1,
          message = name } } }
    end
    hostile[#hostile + 1] = snapshots.account { name = ("x"):rep(200) }
    local bad = snapshots.of(hostile)
    bad.problem = snapshots.hostile[1]
    dir = serve {
      all = all, hostile = bad, none = snapshots.of {},
      picture = snapshots.of_a_good_week(),
    }
    browser = browsers.start()
  end)

  teardown(function()
    browser:close()
    process.run("rm -r " .. dir)
    nginx.finish()
  end)

  -- Opens a page; nothing may be blocked, nothing else asked for.
  local function open(name)
    browser:open "about:blank" -- Chromium's first page loads its own
    browser:log "browser"
    browser:log "performance"
    browser:open(address .. "/" .. name)
    local complaints = {}
    for _, entry in ipairs(browser:log "browser") do
      if not entry.message:find "/favicon%.ico" then
        complaints[#complaints + 1] = entry.message
      end
    end
    assert.same({}, complaints)
    local asked = {}
    for _, entry in ipairs(browser:log "performance") do
      if entry.message:find('"Network.requestWillBeSent"', 1, true) then
        asked[#asked + 1] = entry.message:match '"url":"([^"]*)"'
      end
    end
    for _, url in ipairs(asked) do
      assert.is_truthy(url == address .. "/" .. name
        or url == address .. "/favicon.ico", url)
    end
    assert.is_true(#asked >= 1)
  end

  it("has a table, and a picture with a title for each account", function()
    open "all"
    for _, size in ipairs { 1280, 360 } do
      browser:show_as(size, 800, "light")
      local tree = browser:accessibility_tree()
      for _, node in ipairs { "heading: Balances", "table: What is left",
        "columnheader: account", "columnheader: left",
        "columnheader: per day", "columnheader: empty in",
        "columnheader: as of (UTC)", "columnheader: state",
        "rowheader: songs udio", "rowheader: tempolor", "heading: away",
        "StaticText: timeout: ", "StaticText: give the key alone",
        "StaticText: nothing is known of the last 7 days" } do
        assert.is_true(has(tree, node))
      end
      for cell, label in pairs { ["40 credits"] = "left",
        ["18525.00 USD"] = "left", unknown = "left", idle = "empty in",
        ["not enough data"] = "empty in", never = "as of (UTC)",
        ["refused, stale"] = "state" } do
        local name = size == 360 and label .. " " .. cell or cell
        assert.is_true(has(tree, "cell: " .. name))
      end
      local images = 0
      for _, node in ipairs(tree) do
        images = images + (node:find "^[%w]+: .+ in the last 7 days: highest"
          and 1 or 0)
      end
      assert.equal(7, images)
    end
  end)

  it("shows a state as a word and a shape", function()
    open "all"
    local states = browser:evaluate
      "[...document.querySelectorAll('.state')].map(e=>e.innerText).join('|')"
    assert.equal("● ok|▼ low|◆ empty soon|● ok|● ok|? unknown, stale"
      .. "|✕ refused, stale|? unknown", states)
  end)

  it("shows hostile names as they are, and runs nothing", function()
    open "hostile"
    local tree = browser:accessibility_tree()
    for _, name in ipairs { "<script>alert(1)</script>", "it's|a=b;c",
      '"quoted" \\ and in two lines', "</title><svg onload=alert(1)>" } do
      assert.is_true((has(tree, "rowheader: " .. name .. " udio")), name)
      assert.is_true((has(tree, "heading: " .. name)), name)
    end
    assert.equal(0, browser:evaluate
      "document.querySelectorAll('script,[onload],iframe,img,link').length")
    assert.equal("Balances", browser:evaluate "document.title")
  end)

  it("is never wider than 360 pixels, and readable in both themes", function()
    for _, name in ipairs { "all", "hostile", "none" } do
      for _, theme in ipairs { "light", "dark" } do
        open(name)
        browser:show_as(360, 800, theme)
        assert.equal(360, browser:evaluate "document.body.scrollWidth")
        local contrast = browser:evaluate [[(() => {
          const channel = c => { c /= 255; return c <= 0.03928 ? c / 12.92
            : Math.pow((c + 0.055) / 1.055, 2.4) };
          const light = color => {
            const [r, g, b] = color.match(/\d+/g).map(Number);
            return .2126*channel(r) + .7152*channel(g) + .0722*channel(b) };
          const body = getComputedStyle(document.body);
          const ground = light(body.backgroundColor);
          let least = 99;
          for (const e of document.querySelectorAll('main *')) {
            if (!e.childNodes.length || e.closest('svg')) continue;
            const ink = light(getComputedStyle(e).color);
            const ratio = (Math.max(ink, ground) + .05)
              / (Math.min(ink, ground) + .05);
            least = Math.min(least, ratio);
          }
          return least })()]]
        assert.is_true(contrast >= 4.5, theme .. " " .. tostring(contrast))
      end
    end
  end)

  it("has its style, and the policy allows no other", function()
    open "all"
    assert.equal("1024px", browser:evaluate
      "getComputedStyle(document.querySelector('main')).maxWidth")
    browser:evaluate
      "document.body.insertAdjacentHTML('beforeend','<style>main{}</style>')"
    local blocked = browser:log "browser"
    assert.is_true(#blocked > 0)
    assert.matches("Content Security Policy", blocked[1].message, 1, true)
  end)

  it("has pictures for those who look", function()
    local kept = os.getenv "SAVE_SHOTS"
    for _, name in ipairs(kept and { "all", "hostile", "picture" } or {}) do
      for _, theme in ipairs { "light", "dark" } do
        for _, width in ipairs { 360, 1280 } do
          open(name)
          browser:show_as(width, 800, theme)
          browser:screenshot(("%s/%s-%s-%d.png"):format(kept, name, theme,
            width), width, 2200)
        end
      end
    end
    if os.getenv "SAVE_PICTURE" then
      open "picture"
      browser:show_as(960, 700, "light")
      browser:screenshot(picture, 960,
        browser:evaluate "document.documentElement.scrollHeight")
    end
    local image = assert(process.read(picture))
    assert.equal("\137PNG\r\n\26\n", image:sub(1, 8))
    assert.is_true(#image < 200 * 1024, #image)
  end)
end)
