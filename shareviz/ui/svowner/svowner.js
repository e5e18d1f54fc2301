// the browser keeps a random word, so that after a reload it still may stop the runs that it started
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${data.name}=${data.word}; Path=/; Max-Age=${data.seconds}; SameSite=Strict${secure}`;
}
