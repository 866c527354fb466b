/** An input that tells what was typed once one rests, so that not every letter asks the server. */

import { type InputHTMLAttributes, useEffect, useRef, useState } from "react";

const REST_MS = 350;

export interface TypedProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange"> {
  value: string;
  onType: (value: string) => void;
}

export function Typed({ value, onType, ...rest }: TypedProps) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const told = useRef(onType);
  told.current = onType;
  useEffect(() => {
    clearTimeout(timer.current);
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const later = (next: string, ms: number) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => told.current(next), ms);
  };
  return (
    <input
      autoComplete="off"
      spellCheck={false}
      {...rest}
      value={text}
      onChange={({ target }) => {
        setText(target.value);
        later(target.value, REST_MS);
      }}
      onKeyDown={({ key }) => {
        if (key === "Enter") later(text, 0);
      }}
    />
  );
}
